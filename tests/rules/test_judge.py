"""Judgement: dates, boundaries, tolerance, sentences, and measurements that do not depend on how a file was written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from product_imagery.exceptions import PictureError, RequestError
from product_imagery.imaging.metadata import SourceType
from product_imagery.rules.judge import Finding, Level, finding_of, judge, worst
from product_imagery.rules.measure import facts_of, measure
from product_imagery.rules.packs import pack_of, packs
from product_imagery.rules.wording import LABELS, REMEDIES
from tests.rules.wrong_files import Shot, good, marked

_CHANGE = date(2027, 1, 31)


def _facts(shot: Shot, folder: Path) -> dict[str, Any]:
    return measure(source=str(shot.write(folder)), limits={})


def _levels(facts: dict[str, Any], name: str, **arguments: Any) -> dict[str, str]:
    day = arguments.pop("day", date(2026, 12, 1))
    return {one.rule: one.level.value for one in judge(facts, pack_of(name), day=day, **arguments)}


def test_google_asks_for_500_pixels_from_the_day_of_its_change(tmp_path: Path) -> None:
    facts = _facts(Shot((400, 400), 0.85), tmp_path)
    before = _levels(facts, "google_merchant", day=_CHANGE - timedelta(days=1))
    assert before["shortest"] == "warn"
    assert _levels(facts, "google_merchant", day=_CHANGE)["shortest"] == "fail"


@pytest.mark.parametrize("name", packs())
def test_on_no_day_two_rules_of_a_pack_are_about_the_same_measure(name: str) -> None:
    pack = pack_of(name)
    for day in {rule.since for rule in pack.rules} | {date(2026, 1, 1), _CHANGE, date(2030, 1, 1)}:
        measures = [rule.measure for rule in pack.rules if rule.holds_on(day)]
        assert len(measures) == len(set(measures)) > 0


@pytest.mark.parametrize("name", packs())
def test_a_pack_states_its_version_date_and_source(name: str) -> None:
    pack = pack_of(name)
    assert pack.version >= 1
    assert pack.checked_on >= date(2026, 1, 1)
    assert all(source.startswith("https://") for source in pack.sources)
    assert {rule.measure for rule in pack.rules} <= LABELS.keys() & REMEDIES.keys()


def test_an_unknown_pack_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RequestError, match="amazon_main, bol, ebay"):
        pack_of("amazone")


def test_a_tolerance_accepts_a_ground_that_is_nearly_white(tmp_path: Path) -> None:
    facts = _facts(Shot((1600, 1600), ground=(251, 251, 251)), tmp_path)
    assert _levels(facts, "amazon_main")["white"] == "fail"
    assert _levels(facts, "amazon_main", tolerance=5)["white"] == "pass"


def test_a_sentence_states_the_number_and_the_one_that_is_asked_for(tmp_path: Path) -> None:
    facts = _facts(Shot((480, 480), 0.5), tmp_path)
    by_rule = {one.rule: one for one in judge(facts, pack_of("amazon_main"), day=date(2026, 12, 1))}
    assert by_rule["longest"].sentence == "Longer side: 480 px. Required: at least 500 px."
    assert by_rule["fill"].sentence == "Share of the frame that the product fills: 50 %. Required: at least 85 %."
    assert by_rule["format"].sentence == "File format: JPEG."
    assert "larger photo" in by_rule["longest"].remedy
    assert by_rule["format"].remedy == ""


def test_a_share_is_never_rounded_up_to_what_is_asked_for() -> None:
    finding = Finding("fill", Level.FAIL, 0.84996, 0.85, "least")
    assert "84.9 %" in finding.sentence


def test_a_finding_survives_its_json(tmp_path: Path) -> None:
    facts = _facts(good(pack_of("walmart")), tmp_path)
    for finding in judge({**facts, "ratio": 1.5}, pack_of("walmart"), day=_CHANGE, name="shot.jpg"):
        assert finding_of(finding.as_dict()) == finding


def test_on_a_photo_what_needs_a_plain_ground_is_unknown_and_the_ground_is_not_white(tmp_path: Path) -> None:
    noise = Image.effect_noise((1700, 1700), 90).convert("RGB")
    noise.save(tmp_path / "photo.jpg")
    levels = _levels(measure(source=str(tmp_path / "photo.jpg"), limits={}), "amazon_main")
    assert levels["white"] == "fail"
    assert {levels[rule] for rule in ("fill", "touching", "strays")} == {"unknown"}


def test_a_lost_mark_of_origin_is_found_where_the_origin_is_known(tmp_path: Path) -> None:
    shot, origin = good(pack_of("google_merchant")), SourceType.GENERATED_SCENE
    plain, kept = _facts(shot, tmp_path), _facts(marked(shot, origin), tmp_path)
    assert _levels(plain, "google_merchant")["mark"] == "unknown"
    assert _levels(plain, "google_merchant", mark=origin)["mark"] == "fail"
    assert _levels(kept, "google_merchant", mark=origin)["mark"] == "pass"


def test_an_animation_is_refused(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (600, 600), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureError):
        measure(source=str(tmp_path / "moving.webp"), limits={})


def test_the_worst_level_counts() -> None:
    findings = [Finding("bytes", level, 1) for level in (Level.PASS, Level.UNKNOWN)]
    assert worst(findings) == Level.PASS
    assert worst([*findings, Finding("fill", Level.WARN, 0.5)]) == Level.WARN
    assert worst([*findings, Finding("fill", Level.WARN, 0.5), Finding("white", Level.FAIL, 0.5)]) == Level.FAIL


_SHOTS = st.builds(
    Shot,
    size=st.tuples(st.integers(300, 600), st.integers(300, 600)),
    fill=st.floats(0.3, 0.9),
    ground=st.sampled_from([(255, 255, 255), (240, 240, 240), (200, 210, 220)]),
)


@settings(deadline=None, max_examples=15)
@given(shot=_SHOTS)
def test_measuring_does_not_depend_on_the_format_of_the_file(shot: Shot, tmp_path_factory: Any) -> None:
    folder, exact = tmp_path_factory.mktemp("shots"), []
    for format, name, how in (("PNG", "a.png", {}), ("TIFF", "a.tif", {}), ("WEBP", "a.webp", {"lossless": True})):
        facts = _facts(replace(shot, format=format, name=name, settings=how), folder)
        exact.append({name: value for name, value in facts.items() if name not in ("format", "bytes")})
    assert exact[0] == exact[1] == exact[2]
    lossy, same = _facts(shot, folder), ("width", "height", "touching", "strays", "border", "alpha", "colours")
    assert {name: lossy[name] for name in same} == {name: exact[0][name] for name in same}
    assert abs(lossy["fill"] - exact[0]["fill"]) <= 16 / min(shot.size)  # a block of the JPEG at each edge
    assert abs(lossy["white"]["245"] - exact[0]["white"]["245"]) <= 0.05


@settings(deadline=None, max_examples=40)
@given(
    left=st.integers(0, 80), top=st.integers(0, 80), across=st.integers(30, 200), down=st.integers(30, 200),
    shade=st.integers(0, 200),
)  # fmt: skip
def test_the_product_s_box_is_found_to_the_pixel(left: int, top: int, across: int, down: int, shade: int) -> None:
    width, height = left + across + 40, top + down + 40
    picture = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(picture).rectangle((left, top, left + across - 1, top + down - 1), fill=(shade, shade, shade))
    facts = facts_of(picture)
    if facts["fill"] is not None:
        assert facts["fill"] == max(across / width, down / height)
        assert facts["touching"] == (left <= 1) + (top <= 1)


@settings(deadline=None, max_examples=30)
@given(share=st.integers(0, 1000).map(lambda thousandths: thousandths / 1000), bound=st.sampled_from([0.75, 0.85]))
def test_a_number_passes_exactly_from_its_bound(share: float, bound: float) -> None:
    name = {0.75: "google_merchant", 0.85: "amazon_main"}[bound]
    facts = {**_facts_of_nothing(), "fill": share}
    level = _levels(facts, name)["fill"]
    assert (level in ("warn", "fail")) == (share < bound or (name == "google_merchant" and share > 0.9))


def _facts_of_nothing() -> dict[str, Any]:
    file = {"format": "JPEG", "bytes": 100_000, "bits": 8, "colours": "sRGB", "mark": ""}
    return file | facts_of(Image.new("RGB", (1700, 1700), "white"))
