"""Calls that wait for a thread go back unmade when something goes wrong, and a slow account blocks no other."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db.models.functions import Now

from product_imagery.exceptions import NotSent, ProviderUnavailable
from product_imagery.flows import local_jobs
from product_imagery.flows.hosted.credential_session import CredentialSession
from product_imagery.flows.hosted.values import Call, CallResult, Ticket
from product_imagery.flows.worker import maintenance
from product_imagery.flows.worker.dispatcher import Dispatcher
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
    ResultImage,
)
from product_imagery.net.transport import Transport
from product_imagery.provider_kit.requests import HttpRequest
from product_imagery.states import ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db

_WIDE = {"requests": [10_000, 1]}
_EACH = 6  #: threads of one account: three quarters of eight


def _sending() -> int:
    return ProviderJob.objects.filter(state=JobState.SENDING).count()


def test_what_waits_goes_back_when_the_worker_stops(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("productai", own_limits=_WIDE), 40)
    fakes.fail("productai.create", "hang", times=40, skip=12)
    stop, waited = threading.Event(), []

    def watch() -> None:
        if len(fakes.calls) >= 12 + _EACH and _sending() > _EACH:
            waited.append(_sending())
            stop.set()
            threading.Timer(0.5, fakes.released.set).start()

    run_slice(until_idle=True, stop=stop, watch=watch)
    assert waited
    assert _sending() == 0
    assert fakes.charged("productai") == 12 + _EACH
    assert not ProviderJob.objects.filter(state=JobState.QUEUED).exclude(attempts=0, leased_until=None).exists()
    assert not EnhancementItem.objects.filter(status=ItemStatus.PROCESSING, job__state=JobState.QUEUED).exists()
    fakes.faults.clear()
    hurry()
    assert fakes.charged("productai") == 40
    assert EnhancementItem.objects.filter(status=ItemStatus.COMPLETED).count() == 40


@pytest.mark.parametrize(
    ("kind", "facts"), [("lose", {}), ("status", {"status": 429}), ("status", {"status": 402}), ("drop", {})]
)
def test_a_provider_that_begins_to_fail_is_not_asked_by_what_waited(
    kind: str, facts: dict[str, int], account: Account, order: Order, fakes: Fakes
) -> None:
    """What is under way comes to its end; the next call is decided anew."""
    order(account("productai", own_limits=_WIDE), 120)
    fakes.fail("productai.create", kind, times=200, skip=40, **facts)
    stop, after = threading.Event(), []

    def watch() -> None:
        """Stop some rounds after the trouble was written down."""
        if ProviderCredential.objects.exclude(cooldown_until=None, paused_at=None, creates_after=None).exists():
            after.append(True)
        if len(after) > 10:
            stop.set()

    run_slice(seconds=30, stop=stop, watch=watch)
    creates = [route for _, _, route in fakes.calls].count("productai.create")
    assert 40 < creates <= 40 + 2 * _EACH  # those under way, and those begun before the first of them was back
    assert ProviderJob.objects.filter(state=JobState.QUEUED).count() >= 120 - creates
    assert not EnhancementItem.objects.filter(status=ItemStatus.FAILED).exists()


def test_while_trouble_is_not_written_down_the_account_gets_nothing_to_do() -> None:
    """Whoever leases jobs does not know yet: a thread that became free in between gets nothing."""
    made: list[Call] = []
    ended = threading.Event()

    def fail(call: Call) -> CallResult:
        made.append(call)
        return CallResult(call, error=ProviderUnavailable("The provider is down."))

    def call(account: int) -> Call:
        job = ProviderJob(credential_id=account)
        return Call(job, [], Ticket(job, CredentialSession(ProviderCredential()), deadline=0.0))

    dispatcher = Dispatcher(8, _EACH, fail, ended.set)
    dispatcher.put([call(1)])
    assert ended.wait(10)
    assert (dispatcher.room(1), dispatcher.room(2)) == (0, _EACH)
    late = call(1)  # leased a moment before
    dispatcher.put([late])
    assert dispatcher.recall() == [late]
    assert late not in made
    dispatcher.forget(dispatcher.ended())
    assert dispatcher.room(1) == _EACH
    dispatcher.close()


def test_what_waits_for_long_is_decided_anew(account: Account, order: Order, fakes: Fakes) -> None:
    """The provider hangs: what was leased at its former pace does not wait for it."""
    order(account("productai", own_limits=_WIDE), 40)
    fakes.fail("productai.create", "hang", times=40, skip=12)
    seen: list[int] = []

    def watch() -> None:
        if not fakes.released.is_set():
            seen.append(_sending())
        if max(seen) > _EACH and seen[-1] == _EACH:
            fakes.released.set()

    timer = threading.Timer(30, fakes.released.set)
    timer.start()
    run_slice(until_idle=True, watch=watch)
    timer.cancel()
    assert max(seen) > _EACH
    assert seen[-1] == _EACH  # what waited for a thread has gone back


def test_a_full_disk_is_said_and_costs_nothing_more(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(account("paqshot"))
    hurry(1)

    real = Path.open

    def full(path: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if "w" in mode:
            raise OSError(28, "No space left on device")
        return real(path, mode, *arguments, **named)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "open", full)
        hurry()
    item = EnhancementItem.objects.get()
    assert item.status == ItemStatus.FAILED
    assert "could not be stored" in item.error_message
    assert item.job.collectable


def test_scratch_folders_may_be_cleared_while_a_worker_works(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("productai", own_limits=_WIDE), 3)
    cleared: list[Path] = []

    def watch() -> None:
        ProviderJob.objects.filter(state=JobState.RUNNING, leased_until=None).update(due_at=Now())
        for path in Path(site.MEDIA_ROOT, ".product_imagery-tmp").glob("*"):
            cleared.append(path)
            shutil.rmtree(path, ignore_errors=True)

    for _ in range(3):
        run_slice(until_idle=True, watch=watch)
    assert ResultImage.objects.count() == fakes.charged("productai") == 3


def test_a_worker_without_room_for_files_still_looks(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(account("paqshot"))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "mkdir", full)
        hurry(2)
    item = EnhancementItem.objects.get()
    assert "no room for files" in item.error_message
    assert fakes.charged("paqshot") == 0
    hurry()
    assert (EnhancementItem.objects.get().status, fakes.charged("paqshot")) == (ItemStatus.COMPLETED, 1)


def test_an_earlier_refusal_leaves_no_doubt_behind(account: Account, order: Order, fakes: Fakes) -> None:
    """Refused with 429, leased again, and the worker dies before it sends anything: nothing was bought."""
    order(account("productai"))
    fakes.fail("productai.create", "status", status=429)
    hurry(1)
    job = ProviderJob.objects.get()
    assert job.intent_at is not None
    ProviderJob.objects.update(due_at=Now())
    (taken,) = ProviderJob.objects.acquire_calls(list(ProviderJob.objects.due_calls()), 60)
    ProviderJob.objects.update(leased_until="2000-01-01T00:00Z")
    maintenance.release_abandoned()
    assert ProviderJob.objects.get().state == JobState.QUEUED
    assert taken.attempts == ProviderJob.objects.get().attempts == 2


def test_a_returned_job_has_not_used_an_attempt(account: Account, order: Order) -> None:
    order(account("productai"))
    (taken,) = ProviderJob.objects.acquire_calls(list(ProviderJob.objects.due_calls()), 60)
    local_jobs.return_job(taken, begun=False)
    job = ProviderJob.objects.get()
    assert (job.state, job.attempts, job.leased_until) == (JobState.QUEUED, 0, None)
    assert ProviderCredential.objects.count() == 1


@pytest.mark.parametrize("address", ["", "ftp://example.com", "//example.com", "https://", "https:///path", "nonsense"])
def test_what_is_no_address_of_a_server_is_not_sent_to(address: str) -> None:
    with pytest.raises(NotSent):
        Transport().send(address, HttpRequest("POST", "thing", b"{}", creates=True), {})


def test_an_account_that_hangs_leaves_threads_to_the_others(account: Account, order: Order, fakes: Fakes) -> None:
    """Of eight threads six go to twelve jobs that hang; those of the other account are done meanwhile."""
    order(account("paqshot"), 12)
    quick = order(account("productai"), 4)
    fakes.fail("paqshot.create", "hang", times=12)
    hanging: list[int] = []

    def watch() -> None:
        ProviderJob.objects.filter(state=JobState.RUNNING, leased_until=None).update(due_at=Now())
        if not hanging and quick.items.filter(status=ItemStatus.COMPLETED).count() == 4:
            hanging.append([route for _, _, route in fakes.calls].count("paqshot.create"))
            fakes.released.set()

    timer = threading.Timer(30, fakes.released.set)
    timer.start()
    run_slice(until_idle=True, watch=watch)
    timer.cancel()
    assert hanging == [6]
    assert not EnhancementItem.objects.exclude(status=ItemStatus.COMPLETED).exists()
