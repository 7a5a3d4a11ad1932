"""Examples of looks, and looks that are tried on a product."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

import product_imagery
from example_project.shop.models import Product
from example_project.tools.look_examples import EXAMPLES, MOST_BYTES
from product_imagery.admin.pictures import SCENES, example_of
from product_imagery.models import Preset
from product_imagery.provider_kit.contract import Operation
from product_imagery.providers.local.provider import LocalEngine

Make = Callable[..., Product]
Person = Callable[..., Client]
_LOOKS = Path(product_imagery.__file__).parent / "static" / "product_imagery" / "looks"


def _selection(client: Client, *products: Product) -> str:
    data = {"action": "enhance_images", "_selected_action": [product.pk for product in products]}
    return str(client.post(reverse("admin:shop_product_changelist"), data).url)


def test_a_look_is_tried_on_the_first_product(make_product: Make, person: Person) -> None:
    client = person("*")
    address = _selection(client, make_product())
    options = {"preset": "larger", "option-factor": "4", "option-format": "source", "option-quality": "90"}
    response = client.get(address + "look/", options)
    assert response["Content-Type"] == "image/webp"
    assert response["Cache-Control"] == "private, max-age=3600"
    assert client.get(address + "look/", {**options, "option-factor": "9"}).status_code == 204
    assert client.get(address + "look/", {"preset": "gone"}).status_code == 204
    assert person("*").get(address + "look/", options).status_code == 404
    assert person("view_product").get(address + "look/", options).status_code == 403


def test_each_shipped_local_look_has_an_example_of_its_own(db: None) -> None:
    presets = Preset.objects.filter(provider="local", rules="")  # looks of marketplaces are white, and show that
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
