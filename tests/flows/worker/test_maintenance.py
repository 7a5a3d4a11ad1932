"""Maintenance: abandoned work is found and nothing else is touched."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now

from product_imagery.flows.worker import maintenance
from product_imagery.models import (
    ProviderJob,
)
from product_imagery.states import JobState
from tests.fakes.hosted import Account, Order

pytestmark = pytest.mark.django_db


def test_a_request_that_is_written_down_this_moment_is_not_taken_for_unsent(
    account: Account, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B16: the sweep read the row before the worker, whose lease expires, wrote its intent."""
    order(account("productai"))
    ProviderJob.objects.acquire_calls(list(ProviderJob.objects.due_calls()), 60)
    stale = ProviderJob.objects.get()
    ProviderJob.objects.update(intent_at=Now(), intent=b"{}", leased_until="2000-01-01T00:00Z")
    maintenance._look_up([stale])
    assert ProviderJob.objects.get().state == JobState.SENDING
    maintenance.release_abandoned()
    assert ProviderJob.objects.get().state == JobState.CHECKING
