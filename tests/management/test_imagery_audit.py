"""``imagery_audit``: products whose pictures a marketplace would refuse."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.rules.packs import packs
from tests.rules.wrong_files import Shot, good

pytestmark = pytest.mark.django_db
Make = Callable[..., Product]


def _run(*arguments: Any, code: int = 0) -> str:
    out = io.StringIO()
    try:
        call_command("imagery_audit", "shop.Product", "--rules", "amazon_main", *arguments, stdout=out)
    except SystemExit as error:
        assert error.code == code
    else:
        assert code == 0
    return out.getvalue()


@pytest.fixture
def catalogue(make_product: Make, tmp_path: Path) -> list[Product]:
    """A good picture, one that fills too little, and a file that is no picture."""
    fine = good(packs()["amazon_main"]).write(tmp_path).read_bytes()
    small = Shot((1700, 1700), fill=0.5).write(tmp_path).read_bytes()
    return [make_product("Fine", fine), make_product("=Small", small), make_product("Broken", b"x")]


def test_only_products_that_would_be_refused_are_listed(catalogue: list[Product]) -> None:
    text = _run(code=1)
    assert "Fine" not in text
    assert f"{catalogue[1].pk}  =Small  Amazon: fail" in text
    assert "Required: at least 85 %." in text
    assert f"{catalogue[2].pk}  Broken  Amazon: fail" in text


def test_json_names_product_file_and_rules(catalogue: list[Product]) -> None:
    small, broken = json.loads(_run("--json", code=1))
    assert (small["product"], small["file"], small["rules"]) == (
        str(catalogue[1].pk),
        catalogue[1].photo.name,
        ["fill"],
    )
    assert broken["rules"] == ["readable"]
    assert "not a picture" in broken["reasons"][0]


def test_csv_is_a_table_without_formulas(catalogue: list[Product]) -> None:
    head, small, broken = csv.reader(io.StringIO(_run("--csv", code=1)))
    row = dict(zip(head, small, strict=True))
    assert (row["name"], row["pack"], row["level"], row["rules"]) == ("'=Small", "amazon_main", "fail", "fill")
    assert len(broken) == len(head)


def test_nothing_is_listed_if_everything_would_be_accepted(make_product: Make, tmp_path: Path) -> None:
    make_product("Fine", good(packs()["amazon_main"]).write(tmp_path).read_bytes())
    assert _run() == ""
    assert json.loads(_run("--json")) == []


def test_warnings_are_listed_on_request(make_product: Make, tmp_path: Path) -> None:
    make_product("Smaller", replace(good(packs()["amazon_main"]), size=(1200, 1200)).write(tmp_path).read_bytes())
    assert _run() == ""
    assert "Advised: at least 1600 px." in _run("--warnings")


def test_judged_is_the_picture_that_customers_see(catalogue: list[Product], tmp_path: Path) -> None:
    published = good(packs()["amazon_main"]).write(tmp_path).read_bytes()
    for product in catalogue[1:]:
        product.enhanced_photo.save("better.jpg", ContentFile(published))
    assert _run() == ""


def test_a_file_that_is_gone_is_named(make_product: Make) -> None:
    product = make_product("Lost")
    product.photo.storage.delete(product.photo.name)
    assert "Lost  Amazon: fail" in _run(code=1)


def test_of_a_gallery_the_cover_is_judged_or_every_picture(tmp_path: Path) -> None:
    shelf = Collection.objects.create(title="Shelf")
    for position in range(3):
        shot = good(packs()["amazon_main"]) if position == 1 else Shot((1700, 1700), fill=0.5)
        row = CollectionPhoto(collection=shelf, position=position, is_cover=position == 1)
        row.image.save(f"{position}.jpg", ContentFile(shot.write(tmp_path).read_bytes()))
    found = []
    for more in ((), ("--every",)):
        out, code = io.StringIO(), 0
        try:
            call_command("imagery_audit", "shop.Collection", "--rules", "amazon_main", "--json", *more, stdout=out)
        except SystemExit as error:
            code = int(str(error.code))
        found.append((code, len(json.loads(out.getvalue()))))
    assert found == [(0, 0), (1, 2)]


def test_the_number_of_queries_does_not_grow_with_the_products(make_product: Make) -> None:
    numbers = []
    for count in (2, 8):
        while Product.objects.count() < count:
            make_product(content=b"x")
        with CaptureQueriesContext(connection) as queries:
            _run(code=1)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["shop.Nothing", "--rules", "bol"], "There is no model shop.Nothing"),
        (["auth.User", "--rules", "bol"], "is not registered"),
        (["shop.Product", "--rules", "bool"], "There is no rule pack “bool”"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("imagery_audit", *arguments)
