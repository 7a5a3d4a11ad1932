"""How providers get the source: by address, as a smaller copy, as bytes; refused before it costs where it cannot be."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db.models import Sum
from django.test import Client
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from example_project.shop.models import Product
from product_imagery.exceptions import OptionError
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.models import CreditEntry, EnhancementItem
from product_imagery.products import description_of
from product_imagery.providers.paqshot.provider import Paqshot
from product_imagery.states import ItemStatus
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

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
    hurry(8)
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
    hurry(8)
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
    reference = "https://93.184.216.34/look.jpg"
    with pytest.raises(OptionError, match="accepts one picture"):
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


def test_pictures_of_one_name_in_two_folders_are_two(account: Account, make_product: Any, fakes: Fakes) -> None:
    """PergAI reads the shop's pictures from a copy of its folders: a name alone would show another product."""
    products = [make_product(), make_product()]
    for product, folder in zip(products, ("mugs", "shoes"), strict=True):
        content = product.photo.read()
        product.photo.name = product.photo.storage.save(f"{folder}/front.jpg", ContentFile(content))
        product.save()
    spec = spec_of_operation("scene", {"image_folder": "/shop/"}, account("pergai"))
    enhance({description_of(Product): [product.pk for product in products]}, spec, channel="command")
    hurry()
    assert {one["imagePath"] for one in fakes["pergai"].products} == {"shop/mugs/front.jpg", "shop/shoes/front.jpg"}


class Presigned(FileSystemStorage):
    """A storage whose addresses are good for an hour."""

    def url(self, name: str | None) -> str:
        return f"https://93.184.216.34/{name}?X-Amz-Expires=3600&X-Amz-Signature=abc"


def test_an_address_that_soon_runs_out_is_not_given_to_a_queue(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    """AI Gen Studio may come for it hours later. Ours is good for two weeks."""
    backend = {**settings.STORAGES["default"], "BACKEND": "tests.flows.hosted.test_inputs.Presigned"}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    order(account("aigenstudio"))
    hurry(1)
    assert fakes.created[0].body["images"][0]["source_url"].startswith(f"{fakes.base}/imagery/sources/")


@pytest.mark.parametrize("reference", ["https://127.0.0.1/secret.jpg", "https://10.0.0.7/x.jpg", "https://[::1/x.jpg"])
def test_a_second_picture_that_nobody_can_reach_is_refused_before_it_costs(
    reference: str, account: Account, order: Order, fakes: Fakes
) -> None:
    order(account("productai"), options={"model": "seedream", "reference": reference})
    hurry()
    item = EnhancementItem.objects.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "source_unreachable")
    assert (fakes.created, CreditEntry.objects.aggregate(sum=Sum("amount"))["sum"]) == ([], 0)


def _personal(format: str) -> bytes:
    """A photo that tells where it was made and by whom, with something behind its end."""
    picture = Image.effect_noise((300, 200), 40).convert("RGB")
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "a canary", "a canary of an artist"
    exif.get_ifd(0x8825)[1] = "N"
    target = io.BytesIO()
    extra = {"JPEG": {"comment": b"a canary"}, "PNG": {"pnginfo": PngInfo()}, "WEBP": {"xmp": b"<x>a canary</x>"}}[
        format
    ]
    if isinstance(info := extra.get("pnginfo"), PngInfo):
        info.add_text("Author", "a canary")
    picture.save(target, format, exif=exif, **extra)  # type: ignore[arg-type]
    return target.getvalue() + b"<script>a canary</script>"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_what_a_photo_tells_besides_its_picture_goes_to_no_provider(
    format: str, account: Account, order: Order, fakes: Fakes
) -> None:
    """F7: places, names and comments stay at home."""
    order(account("paqshot"))
    _replace_source(_personal(format))
    hurry()
    sent = base64.b64decode(fakes.created[0].body["product_image"])
    assert b"canary" not in sent
    with Image.open(io.BytesIO(sent)) as picture:
        assert (picture.size, dict(picture.getexif())) == ((300, 200), {})
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


def test_a_source_is_given_out_as_a_picture_whatever_it_is_called(
    account: Account, make_product: Any, fakes: Fakes, client: Client
) -> None:
    """F6: nothing of it is run by a browser that follows its address."""
    product = make_product(name="photo.jpg")
    product.photo.name = product.photo.storage.save("photo.html", ContentFile(product.photo.read()))
    product.save()
    spec = spec_of_operation("white_background", {}, account("aigenstudio"))
    enhance({description_of(Product): [product.pk]}, spec, channel="command")
    hurry(1)
    address = fakes.created[0].body["images"][0]["source_url"].removeprefix(fakes.base)
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert answer["Content-Disposition"].startswith("attachment")
    assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")
    product.photo.storage.delete("photo.html")
    product.photo.storage.save("photo.html", ContentFile(b"<script>alert(1)</script>"))
    assert client.get(address).status_code == 404


def test_a_source_that_nobody_could_fetch_is_refused_before_it_costs(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "PUBLIC_BASE_URL": "http://localhost:8000"}
    order(account("aigenstudio"))
    hurry()
    item = EnhancementItem.objects.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "source_unreachable")
    assert fakes.calls == []
    assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == 0


def test_the_signed_address_gives_out_the_source_and_nothing_else(
    account: Account, order: Order, fakes: Fakes, client: Any
) -> None:
    order(account("aigenstudio"))
    hurry(1)
    address = fakes.created[0].body["images"][0]["source_url"].removeprefix(fakes.base)
    answer = client.get(address)
    with Image.open(io.BytesIO(b"".join(answer.streaming_content))) as picture:
        assert picture.size == (240, 200)
    assert client.get(address[:-2] + "x/").status_code == 404
    assert client.post(address).status_code == 405
