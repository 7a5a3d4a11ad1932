"""Results of hosted calls that cannot be written down at once are kept."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError

from product_imagery.flows import local_jobs
from product_imagery.flows.worker import hosted_calls
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import ProviderJob, WorkerLease
from product_imagery.states import JobState
from tests.fakes.hosted import Account, Order
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db

_WIDE = {"requests": [10_000, 1]}


def test_paid_answers_survive_a_database_that_is_away_for_a_moment(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(account("productai", own_limits=_WIDE), 4)
    fakes.fail("productai.create", "hang", times=4)

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the database is away")

    def watch() -> None:
        if len(fakes.calls) == 4:
            monkeypatch.setattr(local_jobs, "return_job", away)
            threading.Timer(0.5, fakes.released.set).start()
            away()

    with pytest.raises(OperationalError):
        run_slice(seconds=5, watch=watch)
    assert ProviderJob.objects.filter(state=JobState.RUNNING).count() == fakes.charged("productai") == 4
    assert not WorkerLease.objects.exclude(lease_token=None).exists()


def test_an_interruption_forgets_no_answer(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(account("productai", own_limits=_WIDE), 4)
    real, interrupted = hosted_calls.apply_all, []

    def once(words: Any) -> None:
        if words and not interrupted:
            interrupted.append(words)
            raise KeyboardInterrupt
        real(words)

    monkeypatch.setattr(hosted_calls, "apply_all", once)
    with pytest.raises(KeyboardInterrupt):
        run_slice(seconds=5)
    assert ProviderJob.objects.filter(state=JobState.RUNNING).count() == fakes.charged("productai") == 4
