"""``imagery_check`` on files, as an operator types it. No test here has a database."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from product_imagery.rules.packs import packs
from tests.rules.wrong_files import Shot, good


def _run(*arguments: Any, code: int = 0) -> str:
    out = io.StringIO()
    try:
        call_command("imagery_check", *(str(one) for one in arguments), stdout=out)
    except SystemExit as error:
        assert error.code == code
    else:
        assert code == 0
    return out.getvalue()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A product that fills half of its frame."""
    return Shot((1700, 1700), fill=0.5, name="bottle.v2.jpg").write(tmp_path)


def test_a_good_file_passes(tmp_path: Path) -> None:
    path = good(packs()["amazon_main"]).write(tmp_path)
    assert _run("--rules", "amazon_main", path) == f"{path}  Amazon: pass\n"


def test_a_wrong_file_is_explained_and_ends_with_one(small: Path) -> None:
    text = _run("--rules", "amazon_main", small, code=1)
    assert re.search(r"fail  Share of the frame that the product fills: 50.* %. Required: at least 85 %.", text)
    assert list(small.parent.iterdir()) == [small]


def test_json_has_every_rule_with_its_number(small: Path) -> None:
    (facts,) = json.loads(_run("--rules", "amazon_main", small, "--json", code=1))
    levels = {one["rule"]: one["level"] for one in facts["findings"]}
    assert (facts["pack"], facts["level"]) == ("amazon_main", "fail")
    assert levels.keys() == {rule.measure for rule in packs()["amazon_main"].rules}
    (wrong,) = [one for one in facts["findings"] if one["level"] == "fail"]
    assert (wrong["rule"], wrong["asked"]) == ("fill", 0.85)
    assert round(wrong["measured"], 2) == 0.5


def test_fix_writes_a_copy_beside_the_file_which_then_passes(small: Path) -> None:
    before = small.read_bytes()
    text = _run("--rules", "amazon_main", "--fix", small, code=0)
    copy = small.with_name("bottle.v2-amazon_main.jpg")
    assert "the product was framed anew" in text
    assert _run("--rules", "amazon_main", copy).startswith(f"{copy}  Amazon: warn")  # smaller than advised
    assert small.read_bytes() == before


def test_fix_never_overwrites_a_file(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _run("--rules", "amazon_main", "--fix", "--out", out, small)
    (copy,) = out.iterdir()
    copy.write_bytes(b"mine")
    assert copy.name == small.name
    assert "is not overwritten" in _run("--rules", "amazon_main", "--fix", "--out", out, small, code=1)
    assert copy.read_bytes() == b"mine"


def test_fix_writes_no_copy_that_would_be_refused_as_well(tmp_path: Path) -> None:
    path = Shot((1700, 1700), ground=(150, 150, 160)).write(tmp_path)
    assert "would break as many rules" in _run("--rules", "amazon_main", "--fix", path, code=1)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_name_with_special_letters_is_replaced(tmp_path: Path) -> None:
    path = Shot((1700, 1700), name="grüne Flasche.jpg").write(tmp_path)
    _run("--rules", "otto", "--fix", path)
    assert {one.name for one in tmp_path.iterdir()} == {"grüne Flasche.jpg", "grune-flasche-otto.jpg"}


def test_several_packs_give_a_copy_each(small: Path, tmp_path: Path) -> None:
    _run("--rules", "amazon_main", "--rules", "otto", "--fix", "--out", tmp_path / "out", small)
    names = {one.name for one in (tmp_path / "out").iterdir()}
    assert names == {"bottle.v2-amazon_main.jpg", "bottle.v2-otto.jpg"}


def test_what_is_no_picture_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    path.write_text("<!doctype html><title>x</title>")
    text = _run("--rules", "ebay", "--fix", path, code=1)
    assert "The picture cannot be read: The file is a web page, not a picture." in text
    assert "not repaired" in text


def test_rules_of_another_day(tmp_path: Path) -> None:
    path = Shot((400, 400), 0.85).write(tmp_path)
    _run("--rules", "google_merchant", "--day", "2027-01-30", path)
    _run("--rules", "google_merchant", "--day", "2027-01-31", path, code=1)


def test_the_list_names_version_date_and_source() -> None:
    listed = {one["name"]: one for one in json.loads(_run("--list", "--json"))}
    assert listed.keys() == packs().keys()
    assert listed["amazon_main"]["sources"][0].startswith("https://sellercentral.amazon.com/")
    assert "google_merchant" in _run("--list")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["shot.jpg"], "at least one pack"),
        (["--rules", "ebay"], "Give files"),
        (["--rules", "amazone", __file__], "There is no rule pack “amazone”"),
        (["--rules", "ebay", "missing.jpg"], "There is no file missing.jpg"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        _run(*arguments)
