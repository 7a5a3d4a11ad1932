"""The storefront of the example shop: customers see small copies, of the enhanced picture where there is one."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from example_project.shop.models import Collection, Product
from product_imagery.testing.pictures import draw_product, encoded

Make = Callable[..., Product]


def _sources(page: str) -> list[str]:
    return [one.split(" ")[0] for found in re.findall(r'srcset="([^"]+)"', page) for one in found.split(", ")]


def _page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_product_is_shown_in_several_widths(client: Client, make_product: Make) -> None:
    product = make_product(content=encoded(draw_product((1600, 1200))))
    page = _page(client, f"/products/{product.pk}/")
    assert "data-original" in page
    widths = []
    for address in _sources(page):
        response = client.get(address)
        assert response["Content-Type"] == "image/webp"
        assert "public" in response["Cache-Control"]
        widths.append(Image.open(BytesIO(response.content)).width)
    assert widths == [160, 320, 640, 1280]


def test_the_enhanced_picture_takes_the_place_of_the_photo(client: Client, make_product: Make) -> None:
    product = make_product()
    product.enhanced_photo.save("white.jpg", ContentFile(encoded(draw_product())))
    for address in ("/", f"/products/{product.pk}/"):
        page = _page(client, address)
        assert "data-enhanced" in page
        assert "data-original" not in page
        assert all("/enhanced/" in source for source in _sources(page))


def test_a_gallery_begins_with_its_cover(client: Client, gallery: Collection) -> None:
    assert f'href="/collections/{gallery.pk}/"' in _page(client, "/")
    page = _page(client, f"/collections/{gallery.pk}/")
    first, *others = re.findall(r"<figcaption>([^<]+)<", page)
    assert first == "1 of 3, cover"
    assert others == ["2 of 3", "3 of 3"]
    assert client.get(_sources(page)[0]).status_code == 200


@pytest.mark.parametrize(
    "path", ["161/photo/{}", "160/secret/{}", "160/gallery/{}", "160/photo/x{}", "160/photo/../{}"]
)
def test_nothing_else_in_the_storage_can_be_fetched(client: Client, make_product: Make, path: str) -> None:
    product = make_product()
    assert client.get("/renditions/" + path.format(product.photo.name)).status_code == 404


def test_a_broken_upload_is_a_neutral_picture(client: Client, make_product: Make) -> None:
    product = make_product(content=b"not a picture")
    response: Any = client.get(_sources(_page(client, f"/products/{product.pk}/"))[0])
    assert response.url.endswith("neutral.svg")


def test_a_full_page_needs_no_more_queries(client: Client, make_product: Make) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            make_product()
        with CaptureQueriesContext(connection) as queries:
            _page(client, "/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
