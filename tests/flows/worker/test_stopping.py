"""Workers that are asked to stop, or are interrupted at any moment, leave nothing half done and pay nothing twice."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable

import pytest

from product_imagery.flows.hosted import mailbox, outcomes
from product_imagery.flows.jobs import scheduling
from product_imagery.flows.worker import hosted_calls, maintenance
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import EnhancementItem, ProviderJob, WorkerLease
from product_imagery.states import ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


class _TimedOut(SystemExit):
    """What django-q2 raises in a worker whose time is up."""


@pytest.mark.parametrize("provider", ["aigenstudio", "productai", "pergai", "paqshot"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (hosted_calls, "acquire_calls"),
        (scheduling, "begin"),
        (mailbox, "_write_intents"),
        (hosted_calls, "apply_all"),
        (outcomes, "_apply_together"),
    ],
)
def test_a_time_out_of_the_cluster_is_like_a_kill(
    module: object,
    name: str,
    provider: str,
    account: Account,
    order: Order,
    fakes: Fakes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """B18: before and after each step of the thread of the worker loop."""
    for after in (False, True):
        order(account(provider, label=f"{provider} {after}"), 3)
        with monkeypatch.context() as interrupted:
            interrupted.setattr(module, name, _interrupted(getattr(module, name), after=after))
            for _ in range(3):
                with contextlib.suppress(_TimedOut):
                    run_slice(seconds=0.3)
        assert not WorkerLease.objects.exclude(lease_token=None).exists()
    ProviderJob.objects.filter(state=JobState.SENDING).update(leased_until="2000-01-01T00:00Z")
    maintenance.release_abandoned()
    hurry()
    assert not EnhancementItem.objects.exclude(status__in=(ItemStatus.COMPLETED, ItemStatus.STALLED)).exists()
    stalled = EnhancementItem.objects.filter(status=ItemStatus.STALLED).count()
    assert 6 - stalled <= fakes.charged(provider) <= 6


def _interrupted(real: Callable[..., object], *, after: bool) -> Callable[..., object]:
    def interrupt(*arguments: object, **options: object) -> object:
        if after:
            real(*arguments, **options)
        raise _TimedOut

    return interrupt


@pytest.mark.parametrize("step", range(6))
def test_a_worker_that_is_asked_to_stop_stops(step: int, account: Account, order: Order, fakes: Fakes) -> None:
    """B17: within seconds, wherever it is, and the next one goes on at once."""
    order(account("productai", own_limits={"requests": [1000, 1]}), 12)
    stop, turns = threading.Event(), itertools.count()

    def watch() -> None:
        if next(turns) == step:
            stop.set()

    for _ in range(20):
        stop.clear()
        run_slice(until_idle=step == 5, seconds=0.2, stop=stop, watch=watch)
        ProviderJob.objects.filter(leased_until=None, state=JobState.RUNNING).update(due_at="2000-01-01T00:00Z")
        assert not ProviderJob.objects.filter(state=JobState.SENDING).exists()
    assert EnhancementItem.objects.filter(status=ItemStatus.COMPLETED).count() == 12
    assert fakes.charged("productai") == 12
