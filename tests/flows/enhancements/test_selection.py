"""Products as callers name them become primary keys by description, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from example_project.shop.models import Collection, Product
from product_imagery.exceptions import RegistrationError, RequestError
from product_imagery.flows.enhancements.selection import choose
from product_imagery.products import description_of


def test_a_queryset_is_read_as_keys_with_one_query(
    make_product: Callable[..., Product], django_assert_num_queries: Any
) -> None:
    keys = [make_product().pk for _ in range(3)]
    with django_assert_num_queries(1) as queries:
        chosen = choose(Product.objects.order_by("-pk"))
    assert chosen == {description_of(Product): keys[::-1]}
    assert "title" not in queries[0]["sql"]


def test_a_product_that_joins_repeat_is_chosen_once(gallery: Collection) -> None:
    assert choose(Collection.objects.filter(photos__position__gte=0)) == {description_of(Collection): [gallery.pk]}


def test_instances_of_several_models_are_sorted_by_description(
    make_product: Callable[..., Product], gallery: Collection
) -> None:
    one, other = make_product(), make_product()
    chosen = choose([other, gallery, one, other])
    assert chosen == {description_of(Product): [other.pk, one.pk], description_of(Collection): [gallery.pk]}


def test_keys_by_description_stay_as_they_are() -> None:
    given = {description_of(Product): [3, 1]}
    assert choose(given) is given


@pytest.mark.parametrize("thing", [Product(title="unsaved"), "7", 7])
def test_a_thing_that_is_no_saved_product_is_refused(thing: Any) -> None:
    with pytest.raises(RequestError) as caught:
        choose([thing])
    assert caught.value.code == "bad_product"


@pytest.mark.django_db
def test_a_model_without_a_description_is_refused() -> None:
    with pytest.raises(RegistrationError):
        choose(get_user_model().objects.all())
