"""How providers get the source: by address, as a smaller copy, as bytes; refused before it costs where it cannot be."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.db.models import Sum
from django.test import Client
from PIL import Image

from example_project.shop.models import Product
from product_imagery.exceptions import OptionError
from product_imagery.models import CreditEntry, EnhancementItem
from product_imagery.products import description_of
from product_imagery.providers.paqshot.provider import Paqshot
from product_imagery.states import ItemStatus
from tests.fakes.server import Fakes
from tests.hosted.conftest import Account, Order, hurry

pytestmark = pytest.mark.django_db

MOST = 10 * 1024 * 1024


def _noisy(mode: str = "RGB") -> bytes:
    """A picture that no encoder makes small."""
    side = 2100 if mode == "RGB" else 1800
    bands = np.random.default_rng(1).integers(0, 255, (side, side, len(mode)), np.uint8)
    target = io.BytesIO()
    Image.fromarray(bands, mode).save(target, "PNG")
    assert len(target.getvalue()) > MOST
    return target.getvalue()


def _replace_source(content: bytes) -> None:
    product = Product.objects.get()
    product.photo.storage.delete(product.photo.name)
    assert product.photo.storage.save(product.photo.name, ContentFile(content)) == product.photo.name


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_source_that_is_too_large_goes_as_a_smaller_copy(
    mode: str, account: Account, order: Order, fakes: Fakes, client: Client
) -> None:
    order(account("aigenstudio"))
    _replace_source(_noisy(mode))
    hurry(3)
    address = fakes.created[0].body["images"][0]["source_url"]
    answer = client.get(address.removeprefix(fakes.base))
    content = b"".join(answer.streaming_content)
    assert len(content) <= MOST
    with Image.open(io.BytesIO(content)) as copy:
        assert copy.mode == mode
    hurry()
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


def test_bytes_are_made_smaller_as_well(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("paqshot"))
    _replace_source(_noisy())
    hurry(3)
    sent = base64.b64decode(fakes.created[0].body["product_image"])
    assert len(sent) <= MOST


@pytest.mark.parametrize("provider", ["aigenstudio", "productai", "paqshot"])
def test_a_source_that_is_gone_is_refused_before_it_costs(
    provider: str, account: Account, order: Order, fakes: Fakes
) -> None:
    order(account(provider))
    product = Product.objects.get()
    product.photo.storage.delete(product.photo.name)
    hurry()
    item = EnhancementItem.objects.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "missing")
    assert fakes.created == []


def test_what_is_no_picture_is_not_sent_as_a_copy(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Paqshot, "max_source_bytes", 1000)
    order(account("paqshot"))
    _replace_source(b"<html>" * 1000)
    hurry()
    item = EnhancementItem.objects.get()
    assert item.status == ItemStatus.FAILED
    assert fakes.calls == []


def test_two_pictures_go_only_to_models_that_take_two(account: Account, order: Order, fakes: Fakes) -> None:
    credential = account("productai")
    reference = "https://cdn.example.com/look.jpg"
    with pytest.raises(OptionError, match="takes one picture"):
        order(credential, options={"model": "gpt-low", "reference": reference})
    with pytest.raises(OptionError, match="https address"):
        order(credential, options={"reference": "file:///etc/passwd"})
    order(credential, options={"model": "seedream", "reference": reference})
    hurry(1)
    first, second = fakes.created[0].body["image_url"]
    assert first.startswith(fakes.base)
    assert second == reference


def test_what_is_left_to_the_provider_is_not_sent(account: Account, order: Order, fakes: Fakes) -> None:
    credential = account("pergai")
    order(credential)
    order(credential, options={"image_folder": "shop", "model": "nano-banana-pro", "prompt": "by a window"})
    hurry()
    plain, full = sorted((one.body for one in fakes.created), key=len)
    assert set(plain) == {"productId", "scene", "aspectRatio"}
    assert full["aiProvider"] == "nano-banana-pro"
    assert full["customPrompt"] == "by a window"


def test_a_key_from_the_settings_needs_no_stored_one(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    credential = account("paqshot", label="From settings", key="stale-and-wrong-key")
    own = {"key": "pk_live_loopback_key_0001", "webhook_secret": "whsec_of_settings"}
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "KEYS": {"From settings": own}}
    assert credential.hint() == "••••0001"
    assert credential.secret("webhook_secret").reveal() == "whsec_of_settings"
    order(credential)
    hurry()
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


def test_one_bad_source_of_a_batch_does_not_take_the_others_with_it(
    account: Account, order: Order, fakes: Fakes
) -> None:
    enhancement = order(account("aigenstudio"), 5)
    gone = EnhancementItem.objects.earliest("pk")
    description_of(Product).storage.delete(gone.source_name)
    hurry()
    assert fakes.charged("aigenstudio") == 4
    gone.refresh_from_db()
    assert (gone.status, gone.error_code) == (ItemStatus.FAILED, "missing")
    assert EnhancementItem.objects.filter(status=ItemStatus.COMPLETED).count() == 4
    enhancement.refresh_from_db()
    assert enhancement.status == "partially_completed"
    assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == 20
