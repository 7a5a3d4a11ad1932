"""Fixtures as a shop uses them in its own tests."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from PIL import Image, ImageStat

from example_project.shop.models import Product
from product_imagery.models import EnhancementItem, ProviderCredential, ResultImage
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import ItemStatus
from product_imagery.testing.stand_in import StandInServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def product(imagery_picture: Callable[..., bytes]) -> Product:
    found = Product(title="Mug", sku="MUG-1", price=10)
    found.photo.save("mug.png", ContentFile(imagery_picture((320, 200), "PNG")))
    return found


def _opened(file: Any) -> Image.Image:
    file.open()
    return Image.open(io.BytesIO(file.read())).convert("RGB")


def _enhance(*arguments: str) -> None:
    call_command("imagery_enhance", "shop.Product", "--all", "--wait", *arguments, stdout=io.StringIO())


@pytest.mark.usefixtures("imagery_instant_engine")
def test_the_instant_engine_darkens_pictures_without_the_model(product: Product, settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {
        **settings.PRODUCT_IMAGERY,
        "MODEL_PATH": "/nowhere/model.onnx",
        "COMPARE_RESULTS": True,
    }
    _enhance("--preset", "white", "--approve")
    product.refresh_from_db()
    made, source = (_opened(photo) for photo in (product.enhanced_photo, product.photo))
    assert made.size == (320, 200)
    assert all(a < b for a, b in zip(ImageStat.Stat(made).mean, ImageStat.Stat(source).mean, strict=True))


@pytest.mark.usefixtures("imagery_instant_engine")
def test_the_instant_engine_makes_as_many_variants_as_are_asked_for(product: Product) -> None:
    _enhance("--operation", "scene", "--option", "variants=3")
    assert ResultImage.objects.count() == 3


def test_the_real_engine_is_back_afterwards() -> None:
    assert get_provider("local").__module__ == "product_imagery.providers.local.provider"


@pytest.mark.slow
def test_a_picture_is_bought_at_a_stand_in(product: Product, imagery_stand_ins: StandInServer, settings: Any) -> None:
    base = imagery_stand_ins.base
    settings.PRODUCT_IMAGERY = {
        **settings.PRODUCT_IMAGERY,
        "COMPARE_RESULTS": True,
        "PUBLIC_BASE_URL": base,
        "FETCH_ALLOW": (base.removeprefix("http://"),),
    }
    credential = ProviderCredential(provider="paqshot", label="Paqshot", base_url=f"{base}/paqshot")
    credential.set_secret(imagery_stand_ins["paqshot"].key)
    credential.save()
    _enhance("--operation", "white_background", "--credential", "Paqshot")
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
    assert ResultImage.objects.get().warnings == []
    assert imagery_stand_ins.charged("paqshot") == 1
