"""Steps that programs ask for are in the admin's history, in the name of the key's owner."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from product_imagery.models import ResultImage

pytestmark = pytest.mark.django_db


def _history(row: Any) -> list[str]:
    """Sentences about a row, the oldest first."""
    entries = LogEntry.objects.filter(content_type__model=row._meta.model_name, object_id=str(row.pk))
    return list(entries.order_by("pk").values_list("change_message", flat=True))


def test_start_review_publication_and_restoration_by_a_program(caller: Any, make_product: Any, work: Any) -> None:
    one, product = caller(), make_product()
    asked = {"operation": "upscale", "images": [{"product": f"shop.product:{product.pk}"}]}
    one.post("enhancements", asked)
    work()
    result = ResultImage.objects.get()
    one.post(f"generations/{result.uuid}/approve", {"publish": True})
    work()
    one.post(f"generations/{result.uuid}/restore")
    one.post(f"generations/{result.uuid}/publish")
    published, restored = "1 picture approved and being published.", "1 picture was put back."
    again = "1 picture is being published."
    assert _history(product) == [published, restored, again]
    assert _history(result.enhancement) == ["Started.", published, restored, again]
    assert set(LogEntry.objects.values_list("user", flat=True)) == {one.key.owner_id}


def test_retrying_cancelling_and_rejecting_by_a_program(caller: Any, make_product: Any, work: Any) -> None:
    one, broken, product = caller(), make_product(content=b"no picture"), make_product(sku="whole")
    asked = {"operation": "upscale", "images": [{"product": f"shop.product:{each.pk}"} for each in (broken, product)]}
    one.post("enhancements", asked)
    work()
    result = ResultImage.objects.get()
    address = f"enhancements/{result.enhancement.uuid}"
    one.post(f"{address}/retry")
    one.post(f"{address}/cancel")
    one.post(f"generations/{result.uuid}/reject")
    one.post(f"generations/{result.uuid}/reject")  # refused, so there is no entry
    steps = ["1 picture is tried again.", "1 picture was cancelled.", "1 picture rejected."]
    assert _history(result.enhancement) == ["Started.", *steps]
    assert _history(product) == _history(broken) == []


def test_a_repeated_request_is_told_once(caller: Any, make_product: Any) -> None:
    one, product = caller(), make_product()
    asked = {"operation": "upscale", "images": [{"product": f"shop.product:{product.pk}"}]}
    for _ in range(2):
        one.post("enhancements", asked, key="the-same-key-twice")
    assert LogEntry.objects.count() == 1


def test_publication_without_review_is_told_on_the_product(caller: Any, make_product: Any, work: Any) -> None:
    one, product = caller(), make_product()
    asked = {"operation": "upscale", "images": [{"product": f"shop.product:{product.pk}"}], "approve": True}
    one.post("enhancements", asked)
    work()
    assert _history(product) == ["Published without review, as it was asked for at the start."]
