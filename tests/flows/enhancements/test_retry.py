"""What is made once more is paid once more: booked, within the budgets, in as few creates as before."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from django.db.models.functions import Now

from product_imagery.exceptions import RequestError
from product_imagery.flows.enhancements import retry
from product_imagery.flows.enhancements.prepare import prepare_due
from product_imagery.flows.results import review
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    EnhancementItem,
    ProviderJob,
    ResultImage,
)
from product_imagery.states import ItemStatus, Review
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


def _spent() -> Decimal:
    return CreditEntry.objects.aggregate(total=Sum("amount"))["total"] or Decimal(0)


def test_another_one_is_booked(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("productai"))
    hurry()
    review.regenerate(ResultImage.objects.get(), actor=None)
    assert _spent() == 6
    hurry()
    assert fakes.charged("productai") == 2
    assert ResultImage.objects.count() == 2
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


def test_another_one_over_the_budget_is_refused_and_nothing_changes(
    account: Account, order: Order, fakes: Fakes
) -> None:
    order(account("productai", budget_day=Decimal(5)))
    hurry()
    with pytest.raises(RequestError, match="2 are left"):
        review.regenerate(ResultImage.objects.get(), actor=None)
    assert (_spent(), ProviderJob.objects.count()) == (3, 1)
    assert ResultImage.objects.get().review == Review.PENDING
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


def test_failed_pictures_of_a_batch_go_again_in_one_batch(account: Account, order: Order, fakes: Fakes) -> None:
    enhancement = order(account("aigenstudio"), 5)
    for item in EnhancementItem.objects.order_by("pk")[:3]:
        fakes.bad_items[item.uuid.hex] = "download_timeout"
    hurry()
    assert _spent() == 10
    fakes.bad_items.clear()
    assert retry.retry(enhancement) == 3
    assert _spent() == 25
    assert [job.items.count() for job in ProviderJob.objects.order_by("pk")] == [2, 3]
    hurry()
    assert ResultImage.objects.count() == 5
    assert _spent() == 25


def _fail_for_two_reasons(enhancement: Enhancement) -> None:
    ProviderJob.objects.update(state="failed", finished_at=Now())
    for number, item in enumerate(EnhancementItem.objects.order_by("pk")):
        code = "" if number % 3 == 0 else "storage"
        EnhancementItem.objects.filter(pk=item.pk).update(
            status="failed", active_key=None, finished_at=Now(), error_code=code
        )
    Enhancement.objects.filter(pk=enhancement.pk).update(status="failed", finished_at=Now())


@pytest.mark.parametrize("batch", [250, 2])
def test_only_the_pictures_that_failed_for_one_reason_are_tried_again(
    batch: int, make_product: Any, enlarge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enhancement = enlarge(*[make_product(sku=f"n{k}") for k in range(9)])
    _fail_for_two_reasons(enhancement)
    monkeypatch.setattr(retry, "BATCH_JOBS", batch)
    assert retry.retry(enhancement, reason="storage") == 6
    while prepare_due():
        pass
    assert EnhancementItem.objects.filter(status="queued").count() == 6
    assert set(EnhancementItem.objects.filter(status="failed").values_list("error_code", flat=True)) == {""}
    assert retry.retry(enhancement, reason="") == 3
