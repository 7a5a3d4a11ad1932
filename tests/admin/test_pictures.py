"""Small pictures of the admin pages, and who may see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

import product_imagery
from example_project.shop.models import Product
from example_project.tools.look_examples import EXAMPLES, MOST_BYTES
from product_imagery.admin.pictures import SCENES, example_of
from product_imagery.models import Preset
from product_imagery.provider_kit.contract import Operation
from product_imagery.providers.local.provider import LocalEngine
from product_imagery.testing.pictures import draw_product, encoded

Make = Callable[..., Product]
Person = Callable[..., Client]
_LOOKS = Path(product_imagery.__file__).parent / "static" / "product_imagery" / "looks"


def _selection(client: Client, *products: Product) -> str:
    data = {"action": "enhance_images", "_selected_action": [product.pk for product in products]}
    return str(client.post(reverse("admin:shop_product_changelist"), data).url)


def _thumbnails(client: Client, address: str) -> list[str]:
    page = client.get(address).content.decode()
    return [found.replace("&amp;", "&") for found in re.findall(r'<li><img src="([^"]+)"', page)]


def test_the_photos_of_a_selection_are_shown_in_small_copies(make_product: Make, person: Person) -> None:
    client = person("*")
    large = encoded(draw_product((2400, 1800)))
    (address,) = _thumbnails(client, _selection(client, make_product(content=large)))
    response = client.get(address)
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == ("image/webp", "nosniff")
    assert "private" in response["Cache-Control"]
    assert max(Image.open(BytesIO(response.content)).size) == 320
    assert len(response.content) < len(large) / 5


def test_an_address_works_for_the_person_it_was_made_for(make_product: Make, person: Person) -> None:
    client = person("*")
    (address,) = _thumbnails(client, _selection(client, make_product()))
    assert client.get(address).status_code == 200
    assert person("*").get(address).status_code == 404
    assert client.get(address + "x").status_code == 404
    assert client.get(address.partition("?")[0]).status_code == 404
    assert Client().get(address).status_code == 302  # to the login


def test_a_broken_upload_says_so_and_harms_nothing(make_product: Make, person: Person) -> None:
    client = person("*")
    (address,) = _thumbnails(client, _selection(client, make_product(content=b"not a picture")))
    response: Any = client.get(address)
    assert response.status_code == 302
    assert response.url.endswith("looks/neutral.svg")


def test_a_look_is_tried_on_the_first_product(make_product: Make, person: Person) -> None:
    client = person("*")
    address = _selection(client, make_product())
    options = {"preset": "larger", "option-factor": "4", "option-format": "source", "option-quality": "90"}
    response = client.get(address + "look/", options)
    assert response["Content-Type"] == "image/webp"
    assert client.get(address + "look/", {**options, "option-factor": "9"}).status_code == 204
    assert client.get(address + "look/", {"preset": "gone"}).status_code == 204
    assert person("*").get(address + "look/", options).status_code == 404
    assert person("view_product").get(address + "look/", options).status_code == 403


def test_each_shipped_local_look_has_an_example_of_its_own(db: None) -> None:
    presets = Preset.objects.filter(provider="local")
    names = [example_of(preset.operation, preset.options) for preset in presets]
    assert len(set(names)) == len(names) == 11
    for name in names:
        assert 500 < (_LOOKS / name).stat().st_size <= MOST_BYTES, name
    scenes = next(one for one in LocalEngine.offers[Operation.SCENE].options if one.name == "scene")
    assert set(scenes.choices or {}) == SCENES
    for name in (*EXAMPLES, *(f"scene-{scene}" for scene in SCENES)):
        assert (_LOOKS / f"{name}.webp").exists()


@pytest.mark.parametrize(
    ("operation", "options", "example"),
    [
        ("white_background", {"background": "#FF0000"}, "white.webp"),
        ("scene", {"scene": "slate"}, "scene-slate.webp"),
        ("scene", {"prompt": "on a beach"}, "scene-studio_sweep.webp"),
        ("edit", {}, "neutral.svg"),
        ("retouch", {}, "neutral.svg"),
    ],
)
def test_a_look_without_an_example_shows_its_operation(operation: str, options: dict[str, str], example: str) -> None:
    assert example_of(operation, options) == example
    assert (_LOOKS / example).exists()
