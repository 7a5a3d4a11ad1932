"""Budgets hold, and every amount is booked once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from product_imagery.exceptions import RequestError
from product_imagery.flows.enhancements import cancel, reconcile, retry
from product_imagery.models import (
    CreditEntry,
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
