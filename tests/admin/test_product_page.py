"""The pictures of one product on its own page: what stands there, what waits, and the way back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.admin import EnhanceImagesMixin
from product_imagery.flows.results import review
from product_imagery.models import Enhancement, ImageVersion, ResultImage, Selection
from product_imagery.states import Publication
from product_imagery.testing.pictures import draw_product, encoded
from tests.admin.pages import read

Make = Callable[..., Product]
Person = Callable[..., Client]
Enlarge = Callable[..., Enhancement]
_SEES = ("view_product", "change_product")


def _page(client: Client, product: Any, page: str = "change") -> str:
    name = f"admin:shop_{product._meta.model_name}_{page}"
    response = client.get(reverse(name, args=[product.pk]))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def _link(product: Any, page: str) -> str:
    return reverse(f"admin:shop_{product._meta.model_name}_{page}", args=[product.pk])


@pytest.fixture
def published(make_product: Make, enlarge: Enlarge, work: Any, person: Person) -> Product:
    """A product with a published picture."""
    product = make_product()
    enlarge(product)
    work()
    review.approve(ResultImage.objects.get(), actor=None, publish=True)
    work()
    product.refresh_from_db()
    assert product.enhanced_photo
    return product


def test_the_page_of_a_product_leads_to_enhancing_it(make_product: Make, person: Person) -> None:
    client, product = person("*"), make_product()
    link = _link(product, "enhance_product")
    assert f'href="{link}"' in _page(client, product)
    start = client.get(link)
    assert Selection.objects.get().ids == [str(product.pk)]
    assert client.get(link).url == start.url  # no second selection
    assert "1 product selected" in client.get(start.url).content.decode()


def test_a_pending_result_leads_to_its_review(make_product: Make, enlarge: Enlarge, work: Any, person: Person) -> None:
    product = make_product()
    enhancement = enlarge(product)
    client = person("*")
    assert reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk]) in _page(client, product)
    work()
    link = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    page = _page(client, product)
    assert "1 new picture waits for a review" in page
    assert link in page
    assert link in _page(client, product, "imagery_pictures")
    assert link not in _page(person(*_SEES), product)


def test_a_refused_publication_is_shown_with_its_products(
    make_product: Make, enlarge: Enlarge, work: Any, person: Person
) -> None:
    product, _other = make_product("Refused"), make_product("Other")
    client, products = person("*"), reverse("admin:shop_product_changelist")
    enlarge(product)
    work()
    assert "could not be published" not in client.get(products).content.decode()
    reason = "The shop wants a square picture."
    ResultImage.objects.update(review="approved", publication=Publication.CONFLICT, publication_note=reason)
    page = client.get(products).content.decode()
    assert "1 picture could not be published on its product." in page
    assert f'{reverse("admin:product_imagery_enhancement_review")}?show=refused"' in page
    assert "Refused" in page  # the list itself
    assert "could not be published" not in client.get(reverse("admin:shop_collection_changelist")).content.decode()
    assert "could not be published" not in person(*_SEES).get(products).content.decode()
    for name in ("change", "imagery_pictures"):
        page = _page(client, product, name)
        assert reason in page
        link = re.search(r'href="([^"]+show=refused&amp;focus=\d+)"', page)
        assert link is not None
        assert reason in client.get(link[1].replace("&amp;", "&")).content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [product.pk]}
    assert client.post(products, chosen).status_code == 200  # Django's own question, as ever


def test_the_picture_before_is_put_back_from_the_page_of_the_product(published: Product, person: Person) -> None:
    client = person(*_SEES, "restore_imageversion")
    address = _link(published, "imagery_pictures")
    assert address in _page(client, published)
    button = read(client.get(address)).buttons["put_back"]
    response = client.post(address, {"put_back": button["value"]}, follow=True)
    published.refresh_from_db()
    assert not published.enhanced_photo
    page = response.content.decode()
    assert "1 picture was put back" in page
    assert "taken back" in page
    assert "put_back" not in read(response).buttons


def test_a_picture_that_was_replaced_since_is_not_offered(published: Product, person: Person) -> None:
    client = person("*")
    version = ImageVersion.objects.get()
    published.enhanced_photo.save("own.jpg", ContentFile(encoded(draw_product())))
    address = _link(published, "imagery_pictures")
    assert "something else stands there now" in _page(client, published, "imagery_pictures")
    assert "put_back" not in read(client.get(address)).buttons
    response = client.post(address, {"put_back": str(version.pk)}, follow=True)
    assert "another picture stands there now" in response.content.decode()


def test_steps_need_their_permissions(published: Product, person: Person) -> None:
    version = ImageVersion.objects.get()
    seeing, stranger = person(*_SEES), person("start_enhancement")
    address = _link(published, "imagery_pictures")
    assert _link(published, "enhance_product") not in _page(seeing, published)
    assert "put_back" not in read(seeing.get(address)).buttons
    assert "You lack the permissions" in seeing.get(address).content.decode()
    assert seeing.post(address, {"put_back": str(version.pk)}).status_code == 403
    assert seeing.get(_link(published, "enhance_product")).status_code == 403
    assert stranger.get(address).status_code == 403
    assert stranger.get(_link(published, "enhance_product")).status_code == 403
    only_viewing = person("view_product", "restore_imageversion")
    assert only_viewing.post(address, {"put_back": str(version.pk)}).status_code == 403
    assert ImageVersion.objects.get().restored_at is None


@pytest.mark.parametrize("value", ["", "0", "x", "²", "9" * 40])
def test_a_version_of_nothing_changes_nothing(published: Product, person: Person, value: str) -> None:
    assert person("*").post(_link(published, "imagery_pictures"), {"put_back": value}).status_code == 302
    assert ImageVersion.objects.get().restored_at is None


def test_a_version_of_another_product_is_not_put_back(published: Product, make_product: Make, person: Person) -> None:
    address = _link(make_product(), "imagery_pictures")
    person("*").post(address, {"put_back": str(ImageVersion.objects.get().pk)})
    assert ImageVersion.objects.get().restored_at is None


def test_pictures_of_a_gallery_are_numbered_and_the_cover_is_named(gallery: Collection, person: Person) -> None:
    page = _page(person("*"), gallery)
    for phrase in ("1 of 3<", "2 of 3, cover<", "3 of 3<"):
        assert phrase in page


def test_a_product_without_a_picture_is_no_dead_end(person: Person) -> None:
    product = Product.objects.create(title="Bare", sku="BARE", price=1)
    page = _page(person("*"), product)
    assert "no picture yet" in page
    assert _link(product, "enhance_product") not in page
    assert "no picture yet" in _page(person("*"), product, "imagery_pictures")


def test_saving_the_product_and_adding_one_work_as_before(make_product: Make, person: Person) -> None:
    client, product = person("*"), make_product()
    filled = read(client.get(_link(product, "change"))).values
    data = {name: value for name, value in filled.items() if name in ("title", "sku", "category", "price")}
    assert client.post(_link(product, "change"), {**data, "title": "New title"}).status_code == 302
    product.refresh_from_db()
    assert product.title == "New title"
    assert "product-panel" not in client.get(reverse("admin:shop_product_add")).content.decode()
    assert "product-panel" in client.post(_link(product, "change"), {**data, "title": ""}).content.decode()


class _Plain(EnhanceImagesMixin, ModelAdmin):  # type: ignore[type-arg]
    pass


class _Without(EnhanceImagesMixin, ModelAdmin):  # type: ignore[type-arg]
    shows_product_pictures = False


class _Placed(EnhanceImagesMixin, ModelAdmin):  # type: ignore[type-arg]
    fieldsets = ((None, {"fields": ("title", "product_pictures")}), ("Rest", {"fields": ("price",)}))


class _OwnFields(EnhanceImagesMixin, ModelAdmin):  # type: ignore[type-arg]
    fields = (("title", "sku"), "price")


class _OwnReadonly(EnhanceImagesMixin, ModelAdmin):  # type: ignore[type-arg]
    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return ("sku",)


class _OwnFieldsets(EnhanceImagesMixin, ModelAdmin):  # type: ignore[type-arg]
    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        return [(None, {"fields": ("title",)})]


class _OwnObject(EnhanceImagesMixin, ModelAdmin):  # type: ignore[type-arg]
    def get_object(self, request: Any, object_id: str, from_field: Any = None) -> Any:
        return Product.objects.get(pk=object_id)


@pytest.mark.parametrize(
    ("host", "panels"),
    [(_Plain, 1), (_Without, 0), (_Placed, 1), (_OwnFields, 1), (_OwnReadonly, 0), (_OwnFieldsets, 0), (_OwnObject, 0)],
)
def test_the_forms_of_shops_keep_their_shape(make_product: Make, person: Person, host: Any, panels: int) -> None:
    product = make_product()
    from django.contrib.auth import get_user_model
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.user = get_user_model().objects.create_superuser("owner")
    response = host(Product, admin.site).change_view(request, str(product.pk))
    page = response.render().content.decode()  # type: ignore[attr-defined]
    assert page.count('class="product-panel"') == panels
    assert 'name="title"' in page


def test_a_gallery_of_many_pictures_needs_no_more_queries(gallery: Collection, person: Person) -> None:
    client, counts = person("*"), []
    for more in (0, 200):
        photo = gallery.photos.first()
        assert photo is not None
        rows = [CollectionPhoto(collection=gallery, image=photo.image.name, position=n) for n in range(more)]
        CollectionPhoto.objects.bulk_create(rows)
        client.get(_link(gallery, "imagery_pictures"))
        with CaptureQueriesContext(connection) as queries:
            page = _page(client, gallery, "imagery_pictures")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert "and 103 more" in page
