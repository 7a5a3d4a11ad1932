"""A plan becomes items, jobs and reservations: at once, or in batches of which each is made once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from example_project.shop.models import Product
from product_imagery.flows.enhancements import items
from product_imagery.flows.enhancements.plan import make_plan
from product_imagery.flows.enhancements.specs import spec_of_enhancement
from product_imagery.models import Enhancement, EnhancementItem, FurtherId, LeftOut, Preparation, ProviderJob
from product_imagery.products import description_of

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]

pytestmark = pytest.mark.django_db


@pytest.fixture
def large(make_product: Make, enlarge: Enlarge, monkeypatch: pytest.MonkeyPatch) -> Preparation:
    """A stored plan of three pictures, of which a batch takes two."""
    monkeypatch.setattr(items, "BATCH", 2)
    enlarge(*[make_product(f"P{number}") for number in range(3)])
    return Preparation.objects.select_related("enhancement__credential").get()


def _labels() -> list[str]:
    return list(EnhancementItem.objects.order_by("pk").values_list("label", flat=True))


def test_a_stored_plan_is_made_batch_by_batch(large: Preparation) -> None:
    assert (large.left, len(large.pictures), _labels()) == (3, 3, [])
    items.make_batch(large)
    assert _labels() == ["P0", "P1"]
    again = Preparation.objects.select_related("enhancement__credential").get()
    assert (again.position, again.left) == (2, 1)
    items.make_batch(again)
    assert _labels() == ["P0", "P1", "P2"]
    assert not Preparation.objects.exists()
    assert ProviderJob.objects.count() == 3


def test_a_batch_that_another_worker_has_made_is_not_made_twice(large: Preparation) -> None:
    late = Preparation.objects.select_related("enhancement__credential").get()
    items.make_batch(large)
    items.make_batch(late)
    assert _labels() == ["P0", "P1"]
    assert Preparation.objects.get().left == 1


def test_pictures_that_are_gone_are_counted_as_left_out(large: Preparation) -> None:
    Product.objects.filter(title="P1").delete()
    items.make_batch(large)
    assert _labels() == ["P0"]
    assert Enhancement.objects.get().omitted == {"gone": 1}


def test_every_name_of_a_product_is_kept_with_its_item(make_product: Make, enlarge: Enlarge) -> None:
    started = enlarge(make_product())
    other = make_product("Other")
    description, spec = description_of(Product), spec_of_enhancement(started)
    plan = make_plan({description: [other.pk]}, spec, fresh=False, from_present=False)
    names = {items.name_of(description, str(other.pk)): ["first", "second", "third"]}
    with transaction.atomic():
        items.create_items(started, plan, Decimal(0), names, fresh=False)
    item = EnhancementItem.objects.get(label="Other")
    assert item.external_id == "first"
    assert list(FurtherId.objects.filter(item=item).order_by("pk").values_list("name", flat=True)) == [
        "second",
        "third",
    ]


def test_a_picture_that_others_finish_meanwhile_is_not_ordered(
    make_product: Make, enlarge: Enlarge, work: Callable[[], Any]
) -> None:
    product = make_product()
    description, header = description_of(Product), enlarge(make_product("Other"))
    spec = spec_of_enhancement(header)
    plan = make_plan({description: [product.pk]}, spec, fresh=False, from_present=False)
    enlarge(product)
    work()
    with pytest.raises(items.Overtaken), transaction.atomic():
        items.create_items(header, plan, Decimal(0), {}, fresh=False)
    assert EnhancementItem.objects.filter(object_id=str(product.pk)).count() == 1
    with transaction.atomic():
        items.create_items(header, plan, Decimal(0), {}, fresh=True)
    assert EnhancementItem.objects.filter(object_id=str(product.pk)).count() == 2


def test_numbers_of_what_is_left_out_add_up(make_product: Make, enlarge: Enlarge) -> None:
    pk = enlarge(make_product()).pk
    first, second = [[7, "1", ""], [7, "2", ""]], [[7, "3", "a"]]
    items.note_omitted(pk, {"gone": first, "done_before": []})
    items.note_omitted(pk, {"gone": second}, {"under_way": 3})
    items.note_omitted(pk, {})
    assert Enhancement.objects.get(pk=pk).omitted == {"gone": 3, "under_way": 3}
    assert LeftOut.objects.get(pk=pk).pictures == {"gone": first + second}
