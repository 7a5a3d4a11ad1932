"""Repair: what can be repaired passes afterwards, and the product is never cut, painted over or distorted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.metadata import SourceType, mark_of
from product_imagery.rules.judge import Level, judge
from product_imagery.rules.measure import measure
from product_imagery.rules.packs import packs
from product_imagery.rules.repair import repair
from tests.rules.wrong_files import Shot, good, marked, wrong

pytestmark = pytest.mark.slow

DAY = date(2026, 12, 1)
#: measures whose faults need a person or another photo
_BEYOND = {"touching", "border", "mark", "ending", "file_name"}
_CASES = [
    pytest.param(pack.name, rule, bound, id=f"{pack.name} {rule.measure} {bound}")
    for pack in packs().values()
    for rule in pack.rules
    for bound in ("fail_below", "fail_above", "fail_unless")
    if getattr(rule, bound) not in (None, ()) and rule.measure not in _BEYOND and rule.holds_on(DAY)
    if (pack.name, rule.measure) != ("otto", "shortest")  # such a square would be enlarged more than twice
]


def _repaired(path: Path, pack: str) -> tuple[dict[str, Any], set[str]]:
    """Return the repair of a file, and the rules that the copy breaks."""
    made = repair(source=str(path), stem=str(path.parent / "copy"), pack=pack, day=DAY.isoformat(), limits={})
    return made, _broken(made["facts"], pack)


def _broken(facts: dict[str, Any], pack: str) -> set[str]:
    findings = judge(facts, packs()[pack], day=DAY)
    return {one.rule for one in findings if one.level == Level.FAIL}


@pytest.mark.parametrize(("pack", "rule", "bound"), _CASES)
def test_a_repaired_file_passes(pack: str, rule: Any, bound: str, tmp_path: Path) -> None:
    path = wrong(packs()[pack], rule, bound).write(tmp_path)
    assert rule.measure in _broken(measure(source=str(path), limits={}), pack)
    made, broken = _repaired(path, pack)
    assert broken == set(), made["steps"]
    assert measure(source=made["file"]["path"], limits={}) == made["facts"]


def test_a_light_ground_becomes_white_without_an_edge_around_the_product(tmp_path: Path) -> None:
    path = Shot((1700, 1700), ground=(238, 240, 241)).write(tmp_path)
    made, broken = _repaired(path, "amazon_main")
    assert (broken, made["steps"]) == (set(), ["whitened"])


def test_a_dark_ground_stays_because_the_product_would_change(tmp_path: Path) -> None:
    path = Shot((1700, 1700), ground=(180, 182, 185)).write(tmp_path)
    made, broken = _repaired(path, "amazon_main")
    assert (broken, made["steps"]) == ({"white"}, [])


def test_a_product_that_is_cut_off_is_not_moved(tmp_path: Path) -> None:
    path = Shot((1700, 1700), fill=0.5, offset=(425, 0)).write(tmp_path)
    made, broken = _repaired(path, "amazon_main")
    assert (broken, made["steps"]) == ({"fill", "touching"}, [])


def test_nothing_is_cut_away_where_loose_parts_may_belong_to_the_product(tmp_path: Path) -> None:
    rule = next(one for one in packs()["amazon_main"].rules if one.measure == "strays")
    shot = replace(wrong(packs()["amazon_main"], rule, "warn_above"), fill=0.5)
    made, broken = _repaired(shot.write(tmp_path), "amazon_main")
    assert (broken, made["steps"], made["facts"]["strays"]) == ({"fill"}, [], 1)


def test_a_small_picture_is_enlarged_by_two_at_most(tmp_path: Path) -> None:
    made, broken = _repaired(Shot((800, 800)).write(tmp_path), "walmart")
    assert (made["steps"], broken) == (["enlarged"], set())
    made, broken = _repaired(Shot((700, 700)).write(tmp_path), "walmart")
    assert (made["steps"], broken) == ([], {"shortest"})


def test_framing_keeps_every_pixel_of_the_product(tmp_path: Path) -> None:
    shot = Shot((1900, 1900), fill=0.6, format="PNG", name="shot.png", settings={}, offset=(150, -90))
    made, _ = _repaired(shot.write(tmp_path), "tiktok_shop")
    before, after = shot.picture(), open_picture(Path(made["file"]["path"])).image
    assert made["steps"] == ["framed"]
    assert made["file"]["format"] == "png"
    parts = [picture.crop(ImageChops.invert(picture).getbbox()) for picture in (before, after)]
    assert ImageChops.difference(*parts).getbbox() is None


def test_the_mark_of_origin_stays_in_the_copy(tmp_path: Path) -> None:
    shot = replace(marked(good(packs()["amazon_main"]), SourceType.GENERATED_SCENE), fill=0.6)
    made, _ = _repaired(shot.write(tmp_path), "amazon_main")
    assert mark_of(Path(made["file"]["path"]).read_bytes()) == SourceType.GENERATED_SCENE


@pytest.mark.parametrize("pack", packs())
@pytest.mark.parametrize(
    "draw", [lambda: Image.effect_noise((900, 1300), 80).convert("RGB"), lambda: Image.new("RGB", (400, 300), "white")]
)
def test_a_picture_without_a_product_on_a_plain_ground_is_neither_framed_nor_whitened(
    pack: str, draw: Callable[[], Image.Image], tmp_path: Path
) -> None:
    draw().save(tmp_path / "picture.jpg")
    made, _ = _repaired(tmp_path / "picture.jpg", pack)
    assert set(made["steps"]) <= {"enlarged", "reduced"}
