"""Cancelled work is not bought afterwards."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from product_imagery.flows.enhancements import cancel, retry
from product_imagery.flows.hosted import credentials
from product_imagery.flows.results import review
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    ProviderJob,
    ResultImage,
)
from product_imagery.states import EnhancementStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


def _spent() -> Decimal:
    return CreditEntry.objects.aggregate(total=Sum("amount"))["total"] or Decimal(0)


class TestCancelling:
    """What a person cancelled is not bought afterwards."""

    @pytest.mark.parametrize("answer", [{"status": 429}, {"status": 402}, {"status": 401}])
    def test_what_comes_back_to_the_queue_after_it_is_cancelled(
        self, answer: dict[str, int], account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account("productai")
        enhancement = order(credential)
        fakes.fail("productai.create", "status", **answer)
        run_slice(seconds=0.2)
        assert ProviderJob.objects.get().state == JobState.QUEUED
        Enhancement.objects.update(cancelled_at=timezone.now())  # while it was being sent
        credentials.resume(credential)
        hurry()
        cancel.cancel_returned()
        enhancement.refresh_from_db()
        assert enhancement.status == EnhancementStatus.CANCELLED
        assert fakes.created == []
        assert _spent() == 0

    def test_only_what_was_not_sent_is_released(self, account: Account, order: Order, fakes: Fakes) -> None:
        enhancement = order(account("productai"), 3)
        first = ProviderJob.objects.first()
        ProviderJob.objects.filter(pk=first.pk).update(state=JobState.SENDING)
        assert cancel.cancel(enhancement) == 2
        assert _spent() == 3
        assert not CreditEntry.objects.filter(job=first, kind="release").exists()

    def test_neither_cancel_nor_retry_counts_rows(
        self, account: Account, order: Order, django_assert_max_num_queries: Any
    ) -> None:
        enhancement = order(account("productai"), 40)
        with django_assert_max_num_queries(30):
            cancel.cancel(enhancement)
        enhancement.refresh_from_db()
        with django_assert_max_num_queries(25):
            assert retry.retry(enhancement) == 40
        assert _spent() == 120

    def test_another_one_of_a_cancelled_enhancement_is_made(self, account: Account, order: Order, fakes: Fakes) -> None:
        order(account("productai"))
        hurry()
        Enhancement.objects.update(cancelled_at=timezone.now())
        review.regenerate(ResultImage.objects.get(), actor=None)
        hurry()
        assert fakes.charged("productai") == 2
        assert ResultImage.objects.count() == 2
