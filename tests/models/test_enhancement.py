"""Titles of enhancements: the look and the size."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from product_imagery.flows.enhancements.specs import spec_of_preset
from product_imagery.flows.enhancements.start import enhance
from product_imagery.models import Enhancement, EnhancementItem, Preparation, Preset
from product_imagery.products import description_of


def test_the_title_is_the_look_and_the_number_of_products(make_product: Any, enlarge: Any) -> None:
    one, two = make_product("Red"), make_product("Blue")
    spec = spec_of_preset("larger")
    label = Preset.objects.get(name="larger").label
    look = enhance({description_of(type(one)): [one.pk, two.pk]}, spec, channel="admin").enhancement
    assert str(look) == f"{label}, 2 products"
    Preset.objects.filter(name="larger").delete()
    assert str(Enhancement.objects.get()) == f"{look.get_operation_display().capitalize()}, 2 products"


def test_pictures_of_a_gallery_are_counted_as_pictures(gallery: Any, enlarge: Any) -> None:
    assert str(enlarge(gallery)).endswith(", 3 pictures")


def test_pictures_that_are_not_prepared_yet_count(make_product: Any, enlarge: Any) -> None:
    enhancement = enlarge(make_product())
    Preparation.objects.create(enhancement=enhancement, kind=Preparation.Kind.START, left=499)
    assert str(Enhancement.objects.get()).endswith(", 500 products")


def test_a_list_of_titles_takes_one_query(make_product: Any, enlarge: Any) -> None:
    for _ in range(3):
        enlarge(make_product())
    with CaptureQueriesContext(connection) as queries:
        assert len({str(one) for one in Enhancement.objects.titled()}) == 1
    assert len(queries) == 1


@pytest.mark.sqlite
@pytest.mark.django_db
def test_items_to_review_are_found_by_an_index() -> None:
    plan = EnhancementItem.objects.to_review().explain()
    assert plan.count("imagery_review_of_item") == 2, plan
