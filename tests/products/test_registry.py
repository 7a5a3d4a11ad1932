"""Describing a shop's pictures: what can be wrong is said in a sentence; reading and writing keep to their word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from example_project.shop.imagery import CollectionPhotos, ProductPhotos
from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.exceptions import RegistrationError
from product_imagery.products import GalleryImages, ProductImages, description_of, register, unregister
from tests.conftest import draw_product, encoded


@pytest.fixture
def unregistered() -> Iterator[None]:
    """Both models free to be registered otherwise; put back afterwards."""
    for model in (Product, Collection):
        unregister(model)
    yield
    for model, description in ((Product, ProductPhotos), (Collection, CollectionPhotos)):
        unregister(model)
        register(model)(description)


def _refusal(model: Any, base: type, **attributes: Any) -> str:
    with pytest.raises(RegistrationError) as caught:
        register(model)(type("Pictures", (base,), attributes))
    return caught.value.message


@pytest.mark.usefixtures("unregistered")
@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({}, "source is missing: name the field of Product"),
        ({"source": "foto"}, "Did you mean “photo”?"),
        ({"source": "title"}, "“title” is a CharField of Product; it has to be an ImageField"),
        ({"source": "photo", "target": "nowhere_at_all"}, "no such field. It has:"),
        ({"source": "photo", "target": "price"}, "target = “price” is a DecimalField"),
        ({"source": "photo", "name": "titel"}, "Did you mean “title”?"),
        ({"source": "photo", "category": "kind_of_thing"}, "category = “kind_of_thing”"),
    ],
)
def test_each_mistake_has_its_own_sentence(attributes: dict[str, str], says: str) -> None:
    assert says in _refusal(Product, ProductImages, **attributes)


@pytest.mark.usefixtures("unregistered")
@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"field": "image"}, "pictures is missing"),
        ({"pictures": "photo", "field": "image"}, "Did you mean “photos”?"),
        ({"pictures": "title", "field": "image"}, "has to be the reverse side of a ForeignKey to Collection"),
        ({"pictures": "photos"}, "field is missing: name the field of CollectionPhoto"),
        ({"pictures": "photos", "field": "position"}, "it has to be an ImageField"),
        ({"pictures": "photos", "field": "image", "order": "positon"}, "Did you mean “position”?"),
        ({"pictures": "photos", "field": "image", "primary": "position"}, "has to be a BooleanField"),
    ],
)
def test_each_mistake_in_a_gallery_too(attributes: dict[str, str], says: str) -> None:
    assert says in _refusal(Collection, GalleryImages, **attributes)


@pytest.mark.usefixtures("unregistered")
def test_wrong_uses_of_the_decorator() -> None:
    class Abstract(models.Model):
        class Meta:
            abstract = True
            app_label = "shop"

    assert "give it a model class" in _refusal("Product", ProductImages, source="photo")
    assert "an abstract model has no rows" in _refusal(Abstract, ProductImages, source="photo")
    assert "decorates a subclass of ProductImages" in _refusal(Product, object)
    with pytest.raises(RegistrationError, match=r"Describe its pictures in shop/imagery\.py"):
        description_of(Product)


def test_registering_twice_is_refused() -> None:
    assert "is registered twice" in _refusal(Product, ProductImages, source="photo")


def test_products_without_a_picture_are_left_out(make_product: Callable[..., Product]) -> None:
    product = make_product("Cup")
    bare = Product.objects.create(title="No photo", sku="bare", price=1)
    (picture,) = description_of(Product).list_pictures([product.pk, bare.pk])
    assert (picture.object_id, picture.slot, picture.label) == (str(product.pk), "", "Cup")
    assert (picture.source_name, picture.target_name) == (product.photo.name, "")


def test_galleries_come_in_their_order(gallery: Collection) -> None:
    pictures = list(description_of(Collection).list_pictures([gallery.pk]))
    rows = list(gallery.photos.order_by("position"))
    assert [picture.slot for picture in pictures] == [str(row.pk) for row in rows]
    assert {picture.label for picture in pictures} == {"Summer"}


@pytest.mark.usefixtures("unregistered")
def test_only_the_primary_picture_where_the_shop_says_so(gallery: Collection) -> None:
    register(Collection)(
        type("Cover", (GalleryImages,), {"pictures": "photos", "field": "image", "primary": "is_cover"})
    )
    (picture,) = description_of(Collection).list_pictures([gallery.pk])
    assert CollectionPhoto.objects.get(pk=picture.slot).is_cover


def test_queries_do_not_grow_with_the_number_of_products(make_product: Callable[..., Product]) -> None:
    counts = []
    for number in (2, 20):
        ids = [make_product(f"{number}-{k}", sku=f"{number}-{k}").pk for k in range(number)]
        with CaptureQueriesContext(connection) as queries:
            list(description_of(Product).list_pictures(ids))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_writing_is_conditional(make_product: Callable[..., Product]) -> None:
    product, description = make_product(), description_of(Product)
    stamp = product.updated_at
    assert description.write(str(product.pk), "", expected="", name="products/enhanced/a.jpg")
    assert not description.write(str(product.pk), "", expected="", name="products/enhanced/b.jpg")
    product.refresh_from_db()
    assert product.enhanced_photo.name == "products/enhanced/a.jpg"
    assert product.updated_at > stamp


def test_width_and_height_fields_follow_the_picture(gallery: Collection) -> None:
    row = gallery.photos.first()
    assert row is not None
    larger = row.image.storage.save("collections/larger.jpg", ContentFile(encoded(draw_product((333, 222)))))
    description_of(Collection).write(str(gallery.pk), str(row.pk), expected=row.image.name, name=larger)
    now = CollectionPhoto.objects.get(pk=row.pk)
    assert (now.width, now.height, now.image.name) == (333, 222, larger)
