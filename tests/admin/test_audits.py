"""The page of pictures that a marketplace would refuse, as ``imagery_audit --store`` has found them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.models import AuditedPicture, Selection
from product_imagery.rules.packs import packs
from tests.rules.wrong_files import Shot, good

pytestmark = pytest.mark.django_db
Person = Callable[..., Client]
_LIST = reverse("admin:product_imagery_auditedpicture_changelist")


def _audit(*packs: str) -> None:
    more = [text for pack in packs or ("amazon_main",) for text in ("--rules", pack)]
    with suppress(SystemExit):
        call_command("imagery_audit", "shop.Product", "--store", "--json", *more, verbosity=0)


@pytest.fixture
def shop(make_product: Any, tmp_path: Path, capsys: Any) -> list[Product]:
    """A good picture, one that fills too little, and one that is smaller than advised."""
    shots = (good(packs()["amazon_main"]), Shot((1700, 1700), fill=0.5), Shot((1200, 1200)))
    names = ("Fine", "=Small", "Tiny")
    return [make_product(name, shot.write(tmp_path).read_bytes()) for name, shot in zip(names, shots, strict=True)]


def _act(client: Client, action: str, *rows: AuditedPicture) -> Any:
    return client.post(_LIST, {"action": action, "_selected_action": [str(row.pk) for row in rows]})


def test_refused_pictures_are_listed_with_their_reasons(shop: list[Product], person: Person) -> None:
    _audit()
    page = person("*").get(_LIST).content.decode()
    assert "Required: at least 85 %." in page
    assert "Advised: at least 1600 px." in page
    assert ">Fine<" not in page
    assert [row.label for row in AuditedPicture.objects.all()] == ["=Small", "Tiny"]  # the refused ones first
    only = person("*").get(_LIST, {"level__exact": "fail", "pack__exact": "amazon_main"}).content.decode()
    assert "=Small" in only
    assert "Tiny" not in only


def test_another_audit_forgets_what_is_good_now(shop: list[Product], tmp_path: Path) -> None:
    _audit("amazon_main", "otto")
    before = set(AuditedPicture.objects.values_list("label", "pack"))
    assert before == {("=Small", "amazon_main"), ("Tiny", "amazon_main"), ("=Small", "otto")}
    better = good(packs()["amazon_main"]).write(tmp_path).read_bytes()
    shop[1].enhanced_photo.save("better.jpg", ContentFile(better))
    _audit("amazon_main")
    after = set(AuditedPicture.objects.values_list("label", "pack"))
    assert after == {("Tiny", "amazon_main"), ("=Small", "otto")}  # of the other marketplace nothing is known


def test_a_button_opens_the_start_page_with_the_fitting_look(shop: list[Product], person: Person) -> None:
    _audit()
    client = person("*")
    response = _act(client, "enhance", *AuditedPicture.objects.filter(level="fail"))
    selection = Selection.objects.get()
    assert selection.ids == [str(shop[1].pk)]
    assert response["Location"] == f"/admin/shop/product/enhance-images/{selection.pk}/?preset=amazon"
    page = client.get(response["Location"]).content.decode()
    assert 'value="amazon" checked' in " ".join(page.split())


def test_the_button_needs_the_permission_to_start(shop: list[Product], person: Person) -> None:
    _audit()
    client = person("view_auditedpicture", "view_product")
    assert client.get(_LIST).status_code == 200
    _act(client, "enhance", *AuditedPicture.objects.all())
    assert not Selection.objects.exists()


def test_rows_are_downloaded_as_csv_without_formulas(shop: list[Product], person: Person) -> None:
    _audit()
    response = _act(person("*"), "as_csv", *AuditedPicture.objects.all())
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert len(lines) == 3
    assert f"{shop[1].pk},'=Small," in lines[1]
    assert ",fail,fill," in lines[1]


def test_products_that_a_person_may_not_see_are_left_out(shop: list[Product], person: Person) -> None:
    _audit()
    assert "=Small" not in person("view_auditedpicture").get(_LIST).content.decode()
    assert person("view_product").get(_LIST).status_code == 403


def test_the_page_takes_the_same_queries_for_any_number_of_rows(
    shop: list[Product], make_product: Any, person: Person
) -> None:
    client, numbers = person("*"), []
    for count in (1, 6):
        for number in range(count):
            make_product(f"Broken {number}", content=b"x")
        _audit()
        client.get(_LIST)
        with CaptureQueriesContext(connection) as queries:
            client.get(_LIST)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]
