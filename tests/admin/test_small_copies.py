"""Small copies of the files of products: who may see them, of what they are, and how much a page loads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.core.files.base import ContentFile
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from PIL import Image

from example_project.shop.models import Product
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.models import Enhancement, EnhancementItem, Upload
from product_imagery.products import description_of
from product_imagery.testing.instant import instant_engine
from product_imagery.testing.pictures import draw_product, encoded
from tests.fakes.storages import copies_being_made

pytestmark = pytest.mark.django_db

Make = Callable[..., Product]
Person = Callable[..., Client]
Work = Callable[[], Any]
_SEEN = ("view_product", "review_resultimage")


def _addresses(client: Client, page: str) -> list[str]:
    """Return the addresses of the small copies on a page."""
    found = re.findall(r'src="([^"]*/small-copy/[^"]+)"', client.get(page).content.decode())
    return [address.replace("&amp;", "&") for address in found]


def _selection(client: Client, *products: Product) -> str:
    data = {"action": "enhance_images", "_selected_action": [product.pk for product in products]}
    return str(client.post(reverse("admin:shop_product_changelist"), data).url)


def _review(enhancement: Enhancement) -> str:
    return reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])


def _picture(response: Any) -> Image.Image:
    assert response["Content-Type"] == "image/webp"
    return Image.open(BytesIO(response.content)).convert("RGB")


def _middle(response: Any) -> tuple[int, ...]:
    """Return the colour in the middle of a picture in tens."""
    picture = _picture(response)
    found: Any = picture.getpixel((picture.width // 2, picture.height // 2))
    return tuple(round(value, -1) for value in found)


@pytest.fixture
def instant() -> Iterator[None]:
    """Results at once."""
    with instant_engine():
        yield


@pytest.fixture
def enhanced(instant: None, make_product: Make, enlarge: Any, work: Work) -> Enhancement:
    """One product with a red photo of 1,200 pixels and a pending result."""
    enhancement: Enhancement = enlarge(make_product(content=encoded(draw_product((1200, 900)))))
    work()
    return enhancement


def test_the_photos_of_a_selection_are_shown_in_small_copies(make_product: Make, person: Person) -> None:
    client = person("*")
    large = encoded(draw_product((2400, 1800)))
    address = _addresses(client, _selection(client, make_product(content=large)))[0]
    response = client.get(address)
    assert max(_picture(response).size) == 320
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, max-age=3600"
    assert len(response.content) < len(large) / 5


def test_an_address_works_for_the_person_it_was_made_for(make_product: Make, person: Person) -> None:
    client = person("*")
    address = _addresses(client, _selection(client, make_product()))[0]
    assert client.get(address).status_code == 200
    assert person("*").get(address).status_code == 404
    assert client.get(address + "x").status_code == 404
    assert client.get(address.partition("?")[0]).status_code == 404
    assert Client().get(address).status_code == 302  # to the login


def test_a_broken_upload_says_so_and_harms_nothing(make_product: Make, person: Person) -> None:
    client = person("*")
    address = _addresses(client, _selection(client, make_product(content=b"not a picture")))[0]
    response = client.get(address)
    assert (response["Content-Type"], response["Cache-Control"]) == ("image/svg+xml", "no-store")
    assert "not a picture" in _words(response)


def _words(response: Any) -> str:
    return " ".join(re.findall(r"<tspan[^>]*>([^<]+)", response.content.decode()))


def _hide_by_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(self: Any, request: HttpRequest) -> QuerySet[Product]:
        return Product.objects.filter(category="bob")

    monkeypatch.setattr(type(admin.site.get_model_admin(Product)), "get_queryset", rows, raising=False)


def _hide_by_object(monkeypatch: pytest.MonkeyPatch) -> None:
    def may(self: Any, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("shop.view_product") and (obj is None or obj.category == "bob")

    for name in ("has_view_permission", "has_change_permission"):
        monkeypatch.setattr(type(admin.site.get_model_admin(Product)), name, may, raising=False)


@pytest.mark.parametrize("hide", [_hide_by_list, _hide_by_object])
def test_they_are_hidden_with_their_product(
    hide: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    enhanced: Enhancement,
    person: Person,
) -> None:
    client = person(*_SEEN)
    (address,) = _addresses(client, _review(enhanced))
    hide(monkeypatch)
    assert client.get(address).status_code == 404
    Product.objects.update(category="bob")
    assert client.get(address).status_code == 200
    get_user_model().objects.latest("pk").user_permissions.filter(codename="view_product").delete()
    assert client.get(address).status_code == 404


def test_the_review_keeps_what_was_sent_when_the_photo_is_replaced(enhanced: Enhancement, person: Person) -> None:
    client, product = person("*"), Product.objects.get()
    (address,) = _addresses(client, _review(enhanced))
    response = client.get(address)
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"
    red, former = _middle(response), Path(product.photo.path)
    blue = encoded(draw_product((800, 600), colour="#2030b0"))
    product.photo.save("new.jpg", ContentFile(blue))
    assert [_middle(client.get(one)) for one in _addresses(client, _review(enhanced))] == [red]
    former.write_bytes(blue)  # a shop that overwrites its files
    assert _middle(client.get(address)) == red
    former.unlink()
    assert _middle(client.get(address)) == red


def test_a_photo_that_was_replaced_before_anybody_saw_it_is_not_passed_off(
    enhanced: Enhancement, person: Person
) -> None:
    client, path = person("*"), Path(Product.objects.get().photo.path)
    (address,) = _addresses(client, _review(enhanced))
    sent = path.read_bytes()
    path.write_bytes(encoded(draw_product((800, 600), colour="#2030b0")))
    assert "replaced" in _words(client.get(address))
    path.unlink()
    assert "no longer in the storage" in _words(client.get(address))
    path.write_bytes(sent)
    assert max(_picture(client.get(address)).size) == 512


def test_what_stands_in_the_shop_now_is_shown_small_too(enhanced: Enhancement, person: Person) -> None:
    client, product = person("*"), Product.objects.get()
    product.enhanced_photo.save("now.jpg", ContentFile(encoded(draw_product((900, 900), colour="#20b030"))))
    focus = f"{_review(enhanced)}?focus={enhanced.results.get().pk}"
    before, now = (client.get(address) for address in _addresses(client, focus))
    assert _middle(before) != _middle(now)
    assert {max(_picture(one).size) for one in (before, now)} == {512}


def test_uploads_have_them_although_their_admin_is_ours(instant: None, person: Person, work: Work) -> None:
    client = person("*")
    upload = Upload(owner=get_user_model().objects.get(), name="Sent by the till", origin="sha256:1", kept=True)
    upload.source.save("product_imagery/uploads/1/source.jpg", ContentFile(encoded(draw_product((1200, 900)))))
    spec = spec_of_operation("upscale", {})
    enhancement = enhance({description_of(Upload): [upload.pk]}, spec, channel="api").enhancement
    work()
    (address,) = _addresses(client, _review(enhancement))
    assert max(_picture(client.get(address)).size) == 512
    assert person(*_SEEN).get(address).status_code == 404


def test_a_source_that_was_given_by_its_address_is_fetched_once(person: Person, side: Any) -> None:
    side.pictures["/mug.jpg"] = encoded(draw_product((1200, 900)))
    upload = Upload(name="Linked", origin="url:1", source_url=f"{side.address}/mug.jpg?signature=secret", kept=True)
    side.pictures["/mug.jpg?signature=secret"] = side.pictures["/mug.jpg"]
    upload.source.name = "product_imagery/uploads/2/source"
    upload.save()
    enhance({description_of(Upload): [upload.pk]}, spec_of_operation("upscale", {}), channel="api")
    client, run = person("*"), reverse("admin:product_imagery_enhancement_change", args=[Enhancement.objects.get().pk])
    (address,) = _addresses(client, run)
    assert max(_picture(client.get(address)).size) == 320
    _picture(client.get(address))
    assert len(side.fetched) == 1
    assert EnhancementItem.objects.get().source_name == upload.source.name
    assert "secret" not in client.get(run).content.decode()


def test_one_who_asks_for_many_at_once_does_not_take_every_thread(make_product: Make, person: Person) -> None:
    client, product = person("*"), make_product()
    address = _addresses(client, _selection(client, product))[0]
    with copies_being_made(product.photo.name) as go_on:
        response = client.get(address)
        go_on()
    assert (response["Content-Type"], response["Cache-Control"]) == ("image/svg+xml", "no-store")
    assert 'width="1"' in response.content.decode()  # by which the script knows that there will be another
    assert max(_picture(client.get(address)).size) == 240


def test_a_page_of_24_large_photos_loads_less_than_two_megabytes(
    instant: None, make_product: Make, enlarge: Any, person: Person, work: Work, settings: Any
) -> None:
    grain = Image.merge("RGB", [Image.effect_noise((1000, 750), 60).resize((4000, 3000)) for _ in "RGB"])
    photo = encoded(Image.blend(draw_product((4000, 3000)), grain, 0.3), quality=92)
    assert len(photo) > 2_000_000
    products = [make_product(f"Mug {n}", content=encoded(draw_product((300, 200)))) for n in range(24)]
    enhancement = enlarge(*products)
    work()
    for number, product in enumerate(products):  # the engine would take a minute for these
        Path(product.photo.path).write_bytes(photo + bytes([number]))
    EnhancementItem.objects.update(source_digest="")
    client, page = person("*"), _review(enhancement)
    html = client.get(page).content
    loaded = {address.decode() for address in re.findall(rb'<(?:img|script)[^>]* src="([^"]+)"', html)}
    loaded |= {address.decode() for address in re.findall(rb'<link[^>]* href="([^"]+\.css)"', html)}
    sizes = {address: len(_load(client, address.replace("&amp;", "&"), settings)) for address in loaded}
    copies = [size for address, size in sizes.items() if "/small-copy/" in address]
    assert len(copies) == 24
    assert min(copies) > 2000  # pictures, not placeholders
    assert len(html) + sum(sizes.values()) < 2_000_000, sizes


def _load(client: Client, address: str, settings: Any) -> bytes:
    """Return the bytes that a browser gets at an address."""
    if address.startswith(settings.STATIC_URL):
        return Path(finders.find(address.removeprefix(settings.STATIC_URL))).read_bytes()
    if address.startswith(settings.MEDIA_URL):
        return Path(settings.MEDIA_ROOT, address.removeprefix(settings.MEDIA_URL)).read_bytes()
    return client.get(address).content
