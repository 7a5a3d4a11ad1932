"""Threads for the shop's own code and for slow storages, which never run in the worker loop itself."""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from django.db import connection, connections
from django.utils.translation import gettext

from product_imagery.exceptions import EngineError

_T = TypeVar("_T")
HUNG_SECONDS = 120.0  #: after this long a call counts as hung: its thread is replaced, and left alone
LATE_SECONDS = 30.0  #: after this long the doctor reports it
_MOST_HUNG = 16  #: hung threads of this process, after which nothing more is begun


@dataclass(eq=False)
class _Call:
    action: Callable[[], Any]
    context: contextvars.Context
    future: Future[Any] = field(default_factory=Future)
    since: float = 0.0

    @property
    def is_hung(self) -> bool:
        return time.monotonic() - self.since > HUNG_SECONDS


class Beside:
    """At most ``number`` threads, each with a database connection of its own, that end when there is nothing to do.

    A call that hangs for ``HUNG_SECONDS`` is left behind and another thread takes its place, until ``_MOST_HUNG`` of
    this process hang. Inside a transaction, whose changes no other connection sees, calls run in the caller's thread.
    """

    _hung: ClassVar[set[_Call]] = set()  #: of all in this process

    def __init__(self, number: int, name: str, wake: Callable[[], None]) -> None:
        self._number, self._name, self._wake = number, name, wake
        self._lock = threading.Lock()
        self._waiting: deque[_Call] = deque()
        self._running: set[_Call] = set()

    def submit(self, action: Callable[[], Any]) -> Future[Any]:
        """Have ``action`` run as soon as a thread is free; what it raises is in the future."""
        call = _Call(action, contextvars.copy_context())
        if connection.in_atomic_block:
            _run(call)
            return call.future
        with self._lock:
            self._waiting.append(call)
        self.tend()
        return call.future

    def room(self) -> int:
        """Return how many more calls would begin at once."""
        with self._lock:
            self._leave_hung()
            free = self._number - len(self._running) - len(self._waiting)
            return max(0, free) if len(self._hung) < _MOST_HUNG else 0

    def living(self, calls: Mapping[Future[Any], _T]) -> list[_T]:
        """Return the values of those of ``calls`` that run and do not hang."""
        with self._lock:
            self._leave_hung()
            futures = {call.future for call in self._running}
        return [value for future, value in calls.items() if future in futures]

    def oldest(self) -> float:
        """Return for how many seconds the oldest call of this process has been running, hung ones included."""
        with self._lock:
            calls = [*self._running, *self._hung]
        return max((time.monotonic() - call.since for call in calls), default=0.0)

    @property
    def busy(self) -> bool:
        """True while a call waits or runs; hung calls do not count."""
        with self._lock:
            self._leave_hung()
            return bool(self._running) or (bool(self._waiting) and len(self._hung) < _MOST_HUNG)

    def tend(self) -> None:
        """Begin waiting calls, also in place of calls that hang."""
        with self._lock:
            self._leave_hung()
            while self._waiting and len(self._running) < self._number and len(self._hung) < _MOST_HUNG:
                call = self._begin()
                threading.Thread(target=self._serve, args=(call,), name=self._name, daemon=True).start()

    def _begin(self) -> _Call:
        call = self._waiting.popleft()
        call.since = time.monotonic()
        self._running.add(call)
        return call

    def _leave_hung(self) -> None:
        hung = {call for call in self._running if call.is_hung}
        self._running -= hung
        self._hung.update(hung)

    def _serve(self, first: _Call) -> None:
        call: _Call | None = first
        try:
            while call is not None:
                with suppress(BaseException):  # the future has it
                    _run(call)
                call = self._next(call)
                self._wake()
        finally:
            connections.close_all()

    def _next(self, ended: _Call) -> _Call | None:
        """Return the next call for the thread of one that has ended; none for a thread that was replaced meanwhile."""
        with self._lock:
            if ended in self._hung:
                self._hung.discard(ended)
                return None
            self._running.discard(ended)
            return self._begin() if self._waiting else None


def raise_if_late(*groups: Beside) -> None:
    """Raise ``EngineError`` when a call has been running for longer than such calls should take."""
    seconds = max(group.oldest() for group in groups)
    if seconds > LATE_SECONDS:
        sentence = gettext(
            "The shop's own code, or a storage, has not come back for %(seconds).0f s. "
            "See what receivers and storages wait for, then restart the worker."
        )
        raise EngineError(sentence % {"seconds": seconds})


def _run(call: _Call) -> None:
    try:
        call.future.set_result(call.context.run(call.action))
    except BaseException as error:
        call.future.set_exception(error)  # for the caller of ``submit``
        if not isinstance(error, Exception):
            raise
