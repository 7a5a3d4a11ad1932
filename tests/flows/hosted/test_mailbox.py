"""Messages of several threads are written together, and each thread hears what became of its own."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from product_imagery.exceptions import NotSent, RequestError
from product_imagery.flows.hosted.mailbox import Mailbox, SentNow
from product_imagery.models import LimitUse, ProviderCredential, ProviderJob
from product_imagery.provider_kit.contract import Counted
from tests.fakes.hosted import Account, Order
from tests.fakes.statements import failing

pytestmark = pytest.mark.django_db

_WRITING = 'UPDATE "product_imagery_providerjob"'


class _Wake(threading.Event):
    """Counts the messages, so that a test can wait for a number of them."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = threading.Semaphore(0)

    def set(self) -> None:
        super().set()
        self.messages.release()


class _Threads:
    """A mailbox and threads that ask it; this thread is the worker loop."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool, self._wake = pool, _Wake()
        self.mailbox = Mailbox(self._wake)

    def ask(self, *messages: Any) -> list[Future[Any]]:
        """Let a thread ask for each message; return when all of them lie in the mailbox."""
        asked = [self._pool.submit(self.mailbox.ask, message) for message in messages]
        for _ in asked:
            assert self._wake.messages.acquire(timeout=10)
        return asked


@pytest.fixture
def threads() -> Iterator[_Threads]:
    with ThreadPoolExecutor(8) as pool:
        one = _Threads(pool)
        yield one
        one.mailbox.close()


@pytest.fixture
def jobs(account: Account, order: Order) -> list[ProviderJob]:
    """Three leased jobs whose creates are to be sent."""
    order(account("productai"), 3)
    leased = ProviderJob.objects.acquire_calls(list(ProviderJob.objects.order_by("pk")), 60)
    for number, job in enumerate(leased):
        job.intent = b"create %d" % number
    return leased


def _code(asked: Future[Any]) -> str:
    with pytest.raises(NotSent) as caught:
        asked.result(10)
    return caught.value.code


def _intents() -> list[bytes]:
    return [bytes(intent or b"") for intent in ProviderJob.objects.order_by("pk").values_list("intent", flat=True)]


def test_intents_of_several_threads_are_written_in_one_update(threads: _Threads, jobs: list[ProviderJob]) -> None:
    asked = threads.ask(*jobs, lambda: "a value")
    assert not any(one.done() for one in asked)
    with CaptureQueriesContext(connection) as queries:
        assert threads.mailbox.process() == 4
    assert [one.result(10) for one in asked] == [None, None, None, "a value"]
    assert sum(query["sql"].startswith(_WRITING) for query in queries) == 1
    assert threads.mailbox.written == 3
    assert _intents() == [b"create 0", b"create 1", b"create 2"]
    assert not ProviderJob.objects.filter(intent_at=None).exists()


def test_a_lost_lease_is_told_to_its_own_thread(threads: _Threads, jobs: list[ProviderJob]) -> None:
    ProviderJob.objects.filter(pk=jobs[1].pk).update(lease_token=uuid.uuid4())
    first, lost, last = threads.ask(*jobs)
    threads.mailbox.process()
    assert _code(lost) == "lease_lost"
    assert (first.result(10), last.result(10)) == (None, None)
    assert _intents() == [b"create 0", b"", b"create 2"]
    assert threads.mailbox.written == 2


@pytest.mark.parametrize("change", [{"is_active": False}, {"paused_at": Now()}])
def test_an_account_that_may_not_buy_refuses_the_intent(
    threads: _Threads, jobs: list[ProviderJob], change: dict[str, Any]
) -> None:
    ProviderCredential.objects.filter(pk=jobs[0].credential_id).update(**change)
    asked = threads.ask(*jobs)
    threads.mailbox.process()
    assert [_code(one) for one in asked] == ["account_off"] * 3
    assert _intents() == [b"", b"", b""]


def test_an_intent_that_cannot_be_written_is_not_sent(threads: _Threads, jobs: list[ProviderJob]) -> None:
    asked = threads.ask(*jobs)
    with failing(OperationalError("the database is locked"), _WRITING, having="create 1") as stopped:
        threads.mailbox.process()
    assert len(stopped) == 1
    for one in asked:
        with pytest.raises(NotSent, match="could not be written down"):
            one.result(10)
    assert threads.mailbox.written == 0


def test_an_error_of_a_function_is_raised_in_the_thread_that_asked(threads: _Threads, jobs: list[ProviderJob]) -> None:
    def fail() -> None:
        raise RequestError("Not so.")

    failed, written = threads.ask(fail, jobs[0])
    threads.mailbox.process()
    with pytest.raises(RequestError, match="Not so"):
        failed.result(10)
    assert written.result(10) is None
    assert _intents()[0] == b"create 0"


def test_a_call_that_is_sent_only_now_counts_from_now(threads: _Threads, jobs: list[ProviderJob]) -> None:
    calls = [(job, {Counted.REQUESTS: 1}) for job in jobs[:2]]
    LimitUse.objects.note_each(jobs[0].credential, jobs[0].credential.limits(), calls)
    before = timezone.now() - timedelta(seconds=30)
    LimitUse.objects.update(at=before)
    (asked,) = threads.ask(SentNow(jobs[0]))
    threads.mailbox.process()
    assert asked.result(10) is None
    moved, stayed = (LimitUse.objects.get(pk__in=job.uses).at for job in jobs[:2])
    assert moved > stayed == before


def test_a_closed_mailbox_refuses_what_waits_and_what_comes(threads: _Threads, jobs: list[ProviderJob]) -> None:
    waiting = threads.ask(jobs[0], lambda: 1)
    threads.mailbox.close()
    later = threads.ask(jobs[1])
    assert [_code(one) for one in (*waiting, *later)] == ["stopping"] * 3
    assert threads.mailbox.process() == 0
    assert _intents() == [b"", b"", b""]


def test_an_interruption_leaves_no_thread_waiting(threads: _Threads, jobs: list[ProviderJob]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    asked = threads.ask(interrupt, jobs[0])
    with pytest.raises(KeyboardInterrupt):
        threads.mailbox.process()
    assert [_code(one) for one in asked] == ["stopping"] * 2
