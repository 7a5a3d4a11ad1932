"""The place of a picture on its product: read with one query, without opening a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.exceptions import RequestError
from product_imagery.products import description_of
from product_imagery.products.slots import ProductSlot, read_slot

_ENDING = "0123456789ab-0123456789ab.jpg"


def _slot(product: Product) -> ProductSlot:
    slot = read_slot(description_of(Product), str(product.pk), "")
    assert slot is not None
    return slot


def test_one_query_reads_all_of_a_single_field(
    make_product: Callable[..., Product], django_assert_num_queries: Any
) -> None:
    product, description = make_product(), description_of(Product)
    with django_assert_num_queries(1):
        slot = _slot(product)
        assert slot.published_name("cup", _ENDING) == f"products/enhanced/cup-{_ENDING}"
    assert (slot.source_name, slot.target_name) == (product.photo.name, "")
    (picture,) = description.list_pictures([product.pk])
    assert slot.source_place == picture.source_place


def test_one_query_reads_all_of_a_picture_in_a_gallery(gallery: Collection, django_assert_num_queries: Any) -> None:
    """Its field fills width and height, so access to the field itself would open the file, or read it again."""
    description = description_of(Collection)
    first = next(iter(description.list_pictures([gallery.pk])))
    CollectionPhoto.objects.get(pk=first.slot).image.delete(save=False)
    with django_assert_num_queries(1):
        slot = read_slot(description, first.object_id, first.slot)
        assert slot is not None
        assert slot.published_name("", _ENDING).endswith(f"/{_ENDING}")
    assert (slot.source_name, slot.target_name) == (first.source_name, first.target_name)
    assert slot.source_place == first.source_place
    assert not slot.is_null


def test_a_picture_that_is_gone_or_of_another_product_has_no_slot(gallery: Collection) -> None:
    photo = gallery.photos.first()
    assert photo is not None
    other = Collection.objects.create(title="Winter")
    description = description_of(Collection)
    assert read_slot(description, str(gallery.pk), str(photo.pk)) is not None
    assert read_slot(description, str(other.pk), str(photo.pk)) is None
    assert read_slot(description_of(Product), "0", "") is None


def test_a_name_is_shortened_until_it_fits_its_field(make_product: Callable[..., Product], monkeypatch: Any) -> None:
    slot, field = _slot(make_product()), Product._meta.get_field("enhanced_photo")
    shortest = len(f"products/enhanced/{_ENDING}")
    monkeypatch.setattr(field, "max_length", shortest + 10)
    assert slot.published_name("a" * 24, _ENDING) == f"products/enhanced/{'a' * 8}-{_ENDING}"
    monkeypatch.setattr(field, "max_length", shortest)
    assert slot.published_name("a" * 24, _ENDING) == f"products/enhanced/{_ENDING}"
    monkeypatch.setattr(field, "max_length", shortest - 1)
    with pytest.raises(RequestError, match="too short for a file name"):
        slot.published_name("a" * 24, _ENDING)
