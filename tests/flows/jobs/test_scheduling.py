"""A limit is counted at the moment of sending, whatever a call waited for between its lease and that moment."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from product_imagery.flows import local_jobs
from product_imagery.flows.hosted import inputs
from product_imagery.flows.jobs.scheduling import acquire_calls
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    LimitUse,
    ProviderJob,
)
from product_imagery.states import JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


def test_a_create_counts_from_when_its_picture_was_ready(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready: list[Any] = []
    real = inputs.read_source

    def slowly(*arguments: Any) -> str:
        digest = real(*arguments)
        time.sleep(0.5)
        ready.append(timezone.now())
        return digest

    monkeypatch.setattr(inputs, "read_source", slowly)
    order(account("productai"), 3)
    run_slice(seconds=0.1)
    assert fakes.charged("productai") == 3
    assert LimitUse.objects.order_by("at").first().at >= min(ready)  # type: ignore[union-attr]
    assert LimitUse.objects.count() == 3


def test_a_place_that_was_waited_for_too_long_is_taken_anew(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first pictures are read, their window ends, and others take the places of the next one."""
    credential = account("productai", own_limits={"creates": [2, 2]})
    real, crowded = inputs.read_source, []

    def slowly(*arguments: Any) -> str:
        digest = real(*arguments)
        time.sleep(1.3)
        return digest

    def watch() -> None:
        if not crowded and LimitUse.objects.exists():
            crowded.append(LimitUse.objects.create(credential=credential, counted="creates", amount=2))

    monkeypatch.setattr(inputs, "read_source", slowly)
    order(credential, 2)
    run_slice(seconds=0.1, watch=watch)
    assert fakes.charged("productai") == 0
    assert set(ProviderJob.objects.values_list("state", flat=True)) == {JobState.QUEUED}


def test_what_was_not_sent_takes_nothing_of_the_limit(account: Account, order: Order) -> None:
    credential = account("productai")
    order(credential, 3)
    jobs = acquire_calls(credential.pk, 3, 60)
    assert LimitUse.objects.count() == 3
    for job in jobs[:2]:
        local_jobs.return_job(job, begun=False)
    assert LimitUse.objects.count() == 1


def test_what_a_dead_worker_took_of_a_limit_comes_back(account: Account, order: Order, fakes: Fakes) -> None:
    """J12: its window ends like any other."""
    credential = account("productai", own_limits={"creates": [1, 60]})
    order(credential, 2)
    LimitUse.objects.create(credential=credential, counted="creates", amount=1)  # and it died
    hurry(1, forget_limits=False)
    assert fakes.charged("productai") == 0
    LimitUse.objects.update(at=timezone.now() - timedelta(seconds=63))
    hurry(1, forget_limits=False)
    assert fakes.charged("productai") == 1
    assert ProviderJob.objects.filter(state=JobState.QUEUED).count() == 1


def test_limits_hold_and_what_does_not_fit_waits(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("productai"), 20)
    for _ in range(4):
        hurry(1, forget_limits=False)
    assert len(fakes.calls) == 15
    assert not any(status for status in ProviderJob.objects.filter(state=JobState.STALLED))


def test_a_limit_of_a_month_is_held_for_a_month(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("paqshot", own_limits={"creates": [2, 30 * 86_400]}), 3)
    hurry(3, forget_limits=False)
    assert fakes.charged("paqshot") == 2
    LimitUse.objects.update(at=timezone.now() - timedelta(days=29))
    LimitUse.objects.all().delete_expired()
    hurry(3, forget_limits=False)
    assert fakes.charged("paqshot") == 2
    LimitUse.objects.update(at=timezone.now() - timedelta(days=31))
    LimitUse.objects.all().delete_expired()
    hurry(3, forget_limits=False)
    assert fakes.charged("paqshot") == 3
