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
