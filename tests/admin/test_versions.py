"""The list of image versions: small pictures, a filter by enhancement, and many restorations at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from example_project.shop.models import Product
from product_imagery.admin import restoring
from product_imagery.models import Enhancement, ImageVersion

pytestmark = pytest.mark.django_db

Person = Callable[..., Client]
_LIST = "/admin/product_imagery/imageversion/"


@pytest.fixture
def two(make_product: Any, enlarge: Any, work: Callable[[], Any]) -> list[Enhancement]:
    """Two enhancements whose pictures are published: of three products, and of one."""
    started = [enlarge(*(make_product(sku=f"n{n}") for n in range(3)), auto_approve=True)]
    started.append(enlarge(make_product("Vase", sku="v"), auto_approve=True))
    work()
    return started


def _restore(client: Client, query: str = "") -> str:
    keys = list(ImageVersion.objects.values_list("pk", flat=True))
    data = {"action": "restore", "_selected_action": keys[:1], "select_across": "1"}
    return client.post(_LIST + query, data, follow=True).content.decode()


def test_they_are_filtered_by_enhancement_and_restored_together(two: list[Enhancement], person: Person) -> None:
    client = person("*")
    page = client.get(_LIST).content.decode()
    assert "Upscale, 3 products" in page
    query = f"?enhancement={two[0].pk}"
    narrow = client.get(_LIST + query).content.decode()
    assert "3 image versions" in narrow
    assert "Vase" not in narrow
    assert "3 pictures were put back" in _restore(client, query)
    assert set(ImageVersion.objects.filter(restored_at=None).values_list("label", flat=True)) == {"Vase"}
    for odd in ("x", "\u00b2", "9" * 30):
        assert client.get(f"{_LIST}?enhancement={odd}").status_code == 200


def test_the_pictures_are_small(two: list[Enhancement], person: Person) -> None:
    version = ImageVersion.objects.latest("pk")
    ImageVersion.objects.filter(pk=version.pk).update(before_name=version.after_name)
    client = person("*")
    page = client.get(f"{_LIST}?enhancement={two[1].pk}").content.decode()
    before, after = re.findall(r'<img src="([^"]+)" alt="[^"]*" class="imagery-thumb"', page)
    assert version.result is not None
    assert after == version.result.thumbnail.url
    assert client.get(before.replace("&amp;", "&"))["Content-Type"] == "image/webp"


def test_refusals_are_listed_and_the_others_put_back(two: list[Enhancement], person: Person) -> None:
    touched = ImageVersion.objects.order_by("pk")[0]
    Product.objects.filter(pk=touched.object_id).update(enhanced_photo="another.jpg")
    page = _restore(person("*"))
    assert "another picture stands there now" in page
    assert "3 pictures were put back" in page


def test_one_request_goes_on_for_some_seconds_only(
    two: list[Enhancement], person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "REQUEST_SECONDS", -1.0)
    assert "press the button again" in _restore(person("*"))
    assert ImageVersion.objects.filter(restored_at=None).count() == 4
