"""The mailbox through which call threads have the database written by the main thread, many rows at a time."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from django.db import DatabaseError, transaction
from django.db.models.functions import Now

from product_imagery.exceptions import NotSent
from product_imagery.flows.guard import attempt
from product_imagery.models import LimitUse, ProviderCredential, ProviderJob


@dataclass(frozen=True)
class SentNow:
    """A call for a job, counted when the job was claimed, is sent only now."""

    job: ProviderJob


_Message: TypeAlias = Callable[[], Any] | ProviderJob | SentNow


class Mailbox:
    """What threads want done by the pump's thread: functions, and intents and datings, which are written together."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._open: queue.SimpleQueue[tuple[_Message, Future[Any]]] = queue.SimpleQueue()
        self._closed = False
        self.written = 0  #: intents

    def ask(self, message: _Message) -> Any:
        """Have a function run and return what it returned, a job's intent written down, or its call dated.

        Raises what the function raised, ``NotSent`` when the claim is lost or the pump stops.
        """
        future: Future[Any] = Future()
        self._open.put((message, future))
        self._wake.set()
        if self._closed:
            self.close()
        try:
            return future.result()
        except CancelledError:
            raise NotSent("The worker is stopping.", code="stopping") from None

    def process(self) -> int:
        """Do all errands that wait; return how many."""
        waiting = []
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.append(self._open.get_nowait())
        try:
            for message, future in waiting:
                if not isinstance(message, ProviderJob | SentNow):
                    _run(future, message)
            started = [(message.job, future) for message, future in waiting if isinstance(message, SentNow)]
            if started:
                _count_started(started)
            intents = [(message, future) for message, future in waiting if isinstance(message, ProviderJob)]
            if intents:
                self.written += _write_intents(intents)
        finally:  # nobody waits for ever for somebody who was interrupted
            for _, future in waiting:
                future.cancel()
        return len(waiting)

    def close(self) -> None:
        """Refuse what waits and what may still come."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._open.get_nowait()[1].cancel()


def _run(future: Future[Any], function: Callable[[], Any]) -> None:
    try:
        future.set_result(function())
    except Exception as error:  # noqa: BLE001  it belongs to the thread that asked
        future.set_exception(error)


def _count_started(started: list[tuple[ProviderJob, Future[Any]]]) -> None:
    """Count calls as of now, all in one update."""
    error = attempt(partial(LimitUse.objects.sent_now, [job for job, _ in started]))
    for _, future in started:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(None)


def _write_intents(intents: list[tuple[ProviderJob, Future[Any]]]) -> int:
    """Write down what is about to be sent, before any of it is, for those whose leases are still ours; how many."""
    try:
        with transaction.atomic():
            held = ProviderJob.objects.is_held([job for job, _ in intents])
            usable = ProviderCredential.objects.buying({job.credential_id for job, _ in intents})
            ours = [job for job, _ in intents if job.pk in held and job.credential_id in usable]
            ProviderJob.objects.write_each(ours, "intent", "remembered", intent_at=Now())
            LimitUse.objects.sent_now(ours)
    except DatabaseError as error:  # nothing is sent, and each thread is told
        for _, future in intents:
            future.set_exception(NotSent("The request could not be written down.", detail=repr(error)))
        return 0
    for job, future in intents:
        if job.pk not in held:
            future.set_exception(NotSent("Another worker has this job now.", code="lease_lost"))
        elif job.credential_id not in usable:
            future.set_exception(NotSent("The account was paused or switched off.", code="account_off"))
        else:
            job.uses = ()  # dated for good
            future.set_result(None)
    return len(ours)
