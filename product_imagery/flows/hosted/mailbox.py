"""The mailbox through which the threads of calls have the worker loop write the database, many rows at a time."""

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
from django.utils.translation import gettext

from product_imagery.exceptions import NotSent
from product_imagery.flows.guard import attempt
from product_imagery.models import LimitUse, ProviderCredential, ProviderJob


@dataclass(frozen=True)
class SentNow:
    """A message: the call that was counted when its job was leased is sent only now."""

    job: ProviderJob


_Message: TypeAlias = Callable[[], Any] | ProviderJob | SentNow


class Mailbox:
    """Messages of threads to the worker loop: functions to run, intents to write, and calls to date as of now.

    Intents and dates of one ``process`` are written together::

        thread 1..32    ask(job): each wants its intent written, and waits
        worker loop     process(): 32 rows in one transaction, then every ``ask`` returns
        thread 1..32    send their creates
    """

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._open: queue.SimpleQueue[tuple[_Message, Future[Any]]] = queue.SimpleQueue()
        self._closed = False
        self.written = 0  #: number of intents

    def ask(self, message: _Message) -> Any:
        """Put a message in and wait: a function (its value is returned), a job (its intent is written), or ``SentNow``.

        Raises what the function raises, and ``NotSent`` when the job's lease is lost or the worker stops.
        """
        future: Future[Any] = Future()
        self._open.put((message, future))
        self._wake.set()
        if self._closed:
            self.close()
        try:
            return future.result()
        except CancelledError:
            raise NotSent(gettext("The worker is stopping."), code="stopping") from None

    def process(self) -> int:
        """Process all waiting messages; return how many there were."""
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
        finally:  # an interrupted loop leaves no thread waiting
            for _, future in waiting:
                future.cancel()
        return len(waiting)

    def close(self) -> None:
        """Refuse waiting and further messages with ``NotSent``."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._open.get_nowait()[1].cancel()


def _run(future: Future[Any], function: Callable[[], Any]) -> None:
    try:
        future.set_result(function())
    except Exception as error:  # noqa: BLE001  raised in the thread that asked
        future.set_exception(error)


def _count_started(started: list[tuple[ProviderJob, Future[Any]]]) -> None:
    """Date the uses of limits of these calls as of now, in one update."""
    error = attempt(partial(LimitUse.objects.sent_now, [job for job, _ in started]))
    for _, future in started:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(None)


def _write_intents(intents: list[tuple[ProviderJob, Future[Any]]]) -> int:
    """Write intents of jobs whose leases are held and whose accounts may buy, before they are sent; return how many."""
    try:
        with transaction.atomic():
            held = ProviderJob.objects.is_held([job for job, _ in intents])
            usable = ProviderCredential.objects.allowed_to_buy({job.credential_id for job, _ in intents})
            ours = [job for job, _ in intents if job.pk in held and job.credential_id in usable]
            ProviderJob.objects.write_each(ours, "intent", "remembered", intent_at=Now())
            LimitUse.objects.sent_now(ours)
    except DatabaseError as error:  # nothing is sent, and each thread gets the error
        for _, future in intents:
            future.set_exception(NotSent(gettext("The request could not be written down."), detail=repr(error)))
        return 0
    for job, future in intents:
        if job.pk not in held:
            future.set_exception(NotSent(gettext("Another worker has this job now."), code="lease_lost"))
        elif job.credential_id not in usable:
            future.set_exception(NotSent(gettext("The account was paused or switched off."), code="account_off"))
        else:
            job.uses = ()  # no later call of this job moves their date
            future.set_result(None)
    return len(ours)
