"""Collections in the admin: filled from enhancements, renamed, and downloaded as one archive."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.flows.results import review
from product_imagery.models import Collection, Enhancement, ResultImage
from tests.admin.pages import read

Make = Callable[..., Product]
Person = Callable[..., Client]
_STEPS = ("view_collection", "add_collection", "change_collection", "view_product", "review_resultimage")


@pytest.fixture
def done(make_product: Make, enlarge: Callable[..., Enhancement], work: Any) -> Enhancement:
    """An enhancement with two approved results and one that waits."""
    enhancement = enlarge(make_product("Red bottle"), make_product("Blue bottle"), make_product("Pending"))
    work()
    for result in ResultImage.objects.exclude(item__label="Pending"):
        review.approve(result, actor=None, publish=False)
    return enhancement


def _page(page: str, *arguments: Any) -> str:
    return reverse(f"admin:product_imagery_collection_{page}", args=arguments)


def _made(client: Client, done: Enhancement) -> Collection:
    client.post(_page("add"), {"name": "Summer", "add_from": done.pk})
    return Collection.objects.get()


def test_the_approved_pictures_of_an_enhancement_are_added_once(done: Enhancement, person: Person) -> None:
    client = person(*_STEPS)
    collection = _made(client, done)
    assert sorted(collection.results.values_list("item__label", flat=True)) == ["Blue bottle", "Red bottle"]
    page = client.post(_page("change", collection.pk), {"name": "Autumn", "add_from": done.pk}, follow=True)
    assert "0 pictures were added" in page.content.decode()
    collection.refresh_from_db()
    assert (collection.name, collection.results.count()) == ("Autumn", 2)
    assert read(client.get(_page("change", collection.pk))).values["name"] == "Autumn"


def test_a_collection_is_downloaded_as_one_archive(done: Enhancement, person: Person) -> None:
    client = person(*_STEPS)
    collection = _made(client, done)
    page = client.get(_page("change", collection.pk)).content.decode()
    assert "Download 2 pictures" in page
    response = client.get(_page("download", collection.pk))
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert int(response["Content-Length"]) == len(content)
    assert 'filename="summer.zip"' in response["Content-Disposition"]
    with zipfile.ZipFile(BytesIO(content)) as packed:
        assert [re.sub(r"\..+", "", name) for name in packed.namelist()] == ["0001-red-bottle", "0002-blue-bottle"]
        assert packed.testzip() is None


def _order(collection: Collection) -> list[str]:
    return list(collection.arranged().values_list("item__label", flat=True))


def test_single_pictures_are_removed(done: Enhancement, person: Person) -> None:
    client = person(*_STEPS)
    collection = _made(client, done)
    red, blue = collection.arranged()
    page = client.get(_page("change", collection.pk))
    filled = read(page).values
    assert "remove" not in filled  # nothing is ticked
    response = client.post(_page("change", collection.pk), {**filled, "remove": str(red.pk)}, follow=True)
    assert "1 picture was removed." in response.content.decode()
    assert _order(collection) == ["Blue bottle"]
    assert ResultImage.objects.filter(pk=red.pk).exists()
    client.post(_page("change", collection.pk), {**filled, "add_from": "", "remove": ["", "x", "999999"]})
    assert _order(collection) == ["Blue bottle"]
    assert "1 picture was removed." in client.get(_page("history", collection.pk)).content.decode()
    seeing = person("view_collection", "view_product")
    assert 'name="remove"' not in seeing.get(_page("change", collection.pk)).content.decode()
    seeing.post(_page("change", collection.pk), {"name": "Summer", "remove": str(blue.pk)})
    assert _order(collection) == ["Blue bottle"]


def test_the_order_is_changed_by_numbers(
    make_product: Make, enlarge: Callable[..., Enhancement], work: Any, person: Person
) -> None:
    started = enlarge(*(make_product(f"P{n}") for n in range(4)))
    work()
    for result in ResultImage.objects.all():
        review.approve(result, actor=None, publish=False)
    client = person(*_STEPS)
    collection = _made(client, started)
    assert _order(collection) == ["P0", "P1", "P2", "P3"]
    page = _page("change", collection.pk)
    filled = read(client.get(page)).values
    last = next(name for name in filled if name.endswith("-4"))
    client.post(page, {**filled, last: "1"})
    assert _order(collection) == ["P3", "P0", "P1", "P2"]
    client.post(page, read(client.get(page)).values)  # saving again moves nothing
    assert _order(collection) == ["P3", "P0", "P1", "P2"]
    response = client.get(_page("download", collection.pk))
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    names = zipfile.ZipFile(BytesIO(content)).namelist()
    assert [name.split(".")[0] for name in names] == ["0001-p3", "0002-p0", "0003-p1", "0004-p2"]
    odd = {**read(client.get(page)).values, "place-x-1": "2", "place-1": "2", last: "9999"}
    assert client.post(page, odd).status_code == 302


def test_steps_need_their_permissions(done: Enhancement, person: Person) -> None:
    collection = _made(person(*_STEPS), done)
    seeing, stranger = person("view_collection", "view_product"), person("review_resultimage")
    page = seeing.get(_page("change", collection.pk)).content.decode()
    assert "Download 2 pictures" in page
    assert 'name="name"' not in page
    assert seeing.post(_page("change", collection.pk), {"name": "Mine"}).status_code == 403
    assert seeing.get(_page("add")).status_code == 403
    assert stranger.get(_page("download", collection.pk)).status_code == 404
    assert stranger.get(_page("change", collection.pk)).status_code == 403


def test_pictures_of_hidden_products_stay_hidden(done: Enhancement, person: Person) -> None:
    collection = _made(person(*_STEPS), done)
    client = person("view_collection", "change_collection")  # may not see products
    page = client.get(_page("change", collection.pk)).content.decode()
    assert "No pictures yet" in page
    assert f'value="{done.pk}"' not in page
    response = client.get(_page("download", collection.pk))
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert zipfile.ZipFile(BytesIO(content)).namelist() == []
