"""Budgets hold, and every amount is booked once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from product_imagery.exceptions import RequestError
from product_imagery.flows.enhancements import cancel, reconcile, retry
from product_imagery.flows.money.budgets import left_of
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    EnhancementItem,
    ProviderJob,
)
from product_imagery.states import ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


class TestMoney:
    """Budgets and bookings."""

    def test_what_is_released_of_yesterday_is_no_money_for_today(self, account: Account, order: Order) -> None:
        credential = account("productai", budget_day=Decimal(30))
        yesterday = order(credential, 10)
        CreditEntry.objects.update(at=timezone.now() - timedelta(days=1))
        cancel.cancel(yesterday)
        order(credential, 10)
        with pytest.raises(RequestError, match="0 are left"):
            order(credential)

    def test_a_collected_result_that_is_given_up_is_not_collected_again(
        self, account: Account, order: Order, fakes: Fakes
    ) -> None:
        enhancement = order(account("productai"))
        fakes.picture = b"<html>gone</html>"
        hurry(14)
        retry.retry(enhancement)
        fakes.fail("productai.read", "status", times=99, status=404)
        hurry(14)
        stalled = ProviderJob.objects.get(state=JobState.STALLED)
        reconcile.give_up(stalled, None)
        fakes.faults.clear()
        fakes.picture = Fakes().picture
        enhancement.refresh_from_db()
        retry.retry(enhancement)
        hurry()
        assert fakes.charged("productai") == 2
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


def test_what_is_left_takes_the_same_queries_for_many_accounts(
    account: Account, order: Order, django_assert_num_queries: Any
) -> None:
    labels = ("A", "B", "C")
    accounts = [account("productai", label=label, budget_day=Decimal(30), budget_month=Decimal(99)) for label in labels]
    order(accounts[0], 2)
    CreditEntry.objects.update(at=timezone.localtime().replace(day=1, hour=0) - timedelta(days=1))
    order(accounts[0], 1)
    order(accounts[1], 3)
    accounts.append(account("paqshot"))
    with django_assert_num_queries(2):
        left = left_of(accounts)
    assert [(one.day, one.month) for one in left.values()] == [(27, 96), (21, 90), (30, 99), (None, None)]


def _booked() -> int:
    return int(sum(entry.amount for entry in CreditEntry.objects.all()))


def test_what_is_made_again_keeps_within_the_budget_of_its_enhancement(
    account: Account, order: Order, fakes: Fakes, person: Any
) -> None:
    enhancement = order(account("productai"), budget=Decimal(3))
    fakes.statuses["41001"] = "ERROR"
    hurry()
    assert (enhancement.items.get().status, _booked()) == (ItemStatus.FAILED, 3)
    with pytest.raises(RequestError, match="budget of 3 tokens of this enhancement 0 are left"):
        retry.retry(enhancement)
    assert _booked() == 3
    page = person("*").get(reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])).content.decode()
    assert "<b>3 tokens</b> used, budget 3</li>" in page
    Enhancement.objects.update(budget=6)
    enhancement.refresh_from_db()
    retry.retry(enhancement)
    hurry()
    assert (enhancement.items.get().status, _booked(), fakes.charged("productai")) == (ItemStatus.COMPLETED, 6, 2)


def test_failed_work_is_released_or_stays_paid_as_the_provider_has_it(
    account: Account, order: Order, fakes: Fakes
) -> None:
    order(account("productai"))
    hurry(1)
    fakes.statuses[fakes.created[0].id] = "ERROR"
    hurry()
    assert EnhancementItem.objects.get().error_code == "provider_failed"
    assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == 3
    fakes.fail("paqshot.create", "status", status=422, body=b'{"error": "unsupported_image", "message": "No JPEG."}')
    order(account("paqshot"))
    hurry()
    assert EnhancementItem.objects.last().error_message.endswith("It says: “No JPEG.”")
    paid = CreditEntry.objects.filter(credential__provider="paqshot")
    assert paid.aggregate(total=Sum("amount"))["total"] == 0


def test_budgets_hold_before_anything_is_sent(account: Account, order: Order, fakes: Fakes) -> None:
    credential = account("aigenstudio", budget_day=Decimal(12))
    order(credential, 2)
    with pytest.raises(RequestError, match="2 are left"):
        order(credential)
    with pytest.raises(RequestError, match="more than its budget"):
        order(credential, 2, budget=Decimal(9))
    assert fakes.created == []
    assert Enhancement.objects.count() == 1
