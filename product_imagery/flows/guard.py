"""Guard: a task of the worker that fails is logged, counted and shown, and all others go on."""

from __future__ import annotations

import functools
import logging
import platform
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection, connections
from django.utils.translation import gettext

from product_imagery.exceptions import ImageryError, StateError
from product_imagery.models import WorkerTrouble

logger = logging.getLogger("product_imagery")

#: errors of a lock, a deadlock, a time-out, a restart or a fail-over: the same statement may succeed later
TRANSIENT = (OperationalError, InterfaceError, InternalError)


_P = ParamSpec("_P")
_T = TypeVar("_T")
_OUTAGE_SECONDS, _OUTAGE_PAUSE = 60.0, 5.0  #: the longest wait for a database that is away, and between two checks
_LONGEST_PAUSE = 60.0  #: seconds until a chore that failed is tried again
WAITS = (0.1, 0.5, 2.0)  #: seconds before a transaction is tried again


def attempt(action: Callable[[], object]) -> Exception | None:
    """Run ``action`` and return the exception that it raised, or ``None``."""
    try:
        action()
    except Exception as error:  # noqa: BLE001  one row or task must not end the others and the worker
        return error
    return None


def with_retries(action: Callable[[], _T]) -> _T:
    """Run a transaction and return its result; repeat it after a deadlock, a lock time-out or a broken connection.

    Raises what the last of four attempts raises.
    """
    for wait in WAITS:
        try:
            return action()
        except TRANSIENT:
            drop_broken_connections()
            time.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  no secret
    return action()


def retried(step: Callable[_P, _T]) -> Callable[_P, _T]:
    """Decorate a step that people take, one transaction, so that it is repeated when rows are locked by others.

    It raises ``StateError`` (``busy``) when they stay locked; nothing was changed then.
    """

    @functools.wraps(step)
    def again(*arguments: _P.args, **named: _P.kwargs) -> _T:
        try:
            return with_retries(lambda: step(*arguments, **named))
        except OperationalError as error:
            if not database_responds():
                raise
            sentence = gettext(
                "Somebody else is changing the same things at this moment. Nothing was changed: try again."
            )
            raise StateError(sentence, code="busy", detail=repr(error)) from error

    return again


class DatabaseAway(Exception):
    """The database does not respond: nothing that needs it can be tried before it does."""


def raise_if_away(error: Exception) -> None:
    """Raise ``DatabaseAway`` if ``error`` comes from a database that does not respond."""
    if isinstance(error, DatabaseAway):
        raise error
    if isinstance(error, TRANSIENT) and not database_responds():
        raise DatabaseAway from error


class Guard:
    """Calls tasks of a worker. A failure stays in its table until the task succeeds on this machine."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._machine = platform.node()[:120]
        self._open = set(WorkerTrouble.objects.filter(machine=self._machine).values_list("task", flat=True))

    def call(self, task: str, action: Callable[[], object]) -> bool:
        """Run ``action``; return false when it failed. Raises ``DatabaseAway``."""
        error = attempt(action)
        if error is None:
            self.end(task)
        else:
            self.note(task, error)
        return error is None

    def count(self, task: str, action: Callable[[], int]) -> int:
        """Run ``action`` and return its number, or 0 when it failed. Raises ``DatabaseAway``."""
        number = 0

        def counted() -> None:
            nonlocal number
            number = action()

        self.call(task, counted)
        return number

    def note(self, task: str, error: Exception) -> None:
        """Log and count a failure, and show it to people. Raises ``DatabaseAway``."""
        raise_if_away(error)
        self._failures[task] += 1
        if self._failures[task].bit_count() == 1:  # the 1st, 2nd, 4th …: one that always fails does not fill the log
            logger.error("“%s” failed, and everything else goes on.", task, exc_info=error, extra={"task": task})
        with suppress(DatabaseError):
            detail = f" ({error.detail})" if isinstance(error, ImageryError) and error.detail else ""
            WorkerTrouble.objects.note(self._machine, task, reason_of(error) + detail)
            self._open.add(task)

    def end(self, task: str) -> None:
        """Forget the failures of a task that has succeeded."""
        self._failures.pop(task, None)
        if task in self._open:
            WorkerTrouble.objects.end(self._machine, task)
            self._open.discard(task)


class Chore:
    """A regular task: runs at once, then every so many seconds; a failed one again after 2, 4, 8 … (at most 60) s."""

    def __init__(self, seconds: float, name: str, action: Callable[[], object]) -> None:
        self._seconds, self._name, self._action, self._next, self._failures = seconds, name, action, 0.0, 0
        self.went_well = False  #: true once it has succeeded

    def __call__(self, guard: Guard) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._seconds
        if guard.call(self._name, self._action):
            self._failures, self.went_well = 0, True
        else:
            self._failures += 1
            self._next = time.monotonic() + min(_LONGEST_PAUSE, 2.0**self._failures)


def drop_broken_connections() -> None:
    """Close this thread's unusable connections, except within transactions. Django opens new ones when needed."""
    for one in connections.all(initialized_only=True):
        if not one.in_atomic_block:
            one.close_if_unusable_or_obsolete()


def database_responds() -> bool:
    """Return true if the database can be used from this thread, with a new connection where the old one is broken."""
    drop_broken_connections()
    try:
        connection.ensure_connection()
        return connection.is_usable()
    except DatabaseError:
        return False


def wait_for_database(stop: threading.Event) -> None:
    """Return when the database responds again, or when ``stop`` is set. Raises ``DatabaseAway`` after a minute."""
    logger.error("The database does not respond; waiting for it.")
    last, pause = time.monotonic() + _OUTAGE_SECONDS, 0.1
    while not (stop.wait(pause) or database_responds()):
        if time.monotonic() > last:
            raise DatabaseAway
        pause = min(2 * pause, _OUTAGE_PAUSE)


def reason_of(error: BaseException) -> str:
    """Return an error in a sentence: the message of our own, and kind and text (200 characters) of any other."""
    if isinstance(error, ImageryError):
        return error.message
    text = f"{type(error).__name__}: {error}".replace("\0", "")
    return " ".join(text.encode("utf-8", "replace").decode().split())[:200]
