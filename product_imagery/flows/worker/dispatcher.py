"""The threads that make calls to hosted providers, and the few calls that wait for them."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable

from product_imagery.exceptions import ProviderError, ProviderRefused
from product_imagery.flows.hosted.values import Call, CallResult


class Dispatcher:
    """Makes calls in up to ``number`` threads, at most ``each`` of them for one account: a slow one blocks no other.

    A few calls may wait for a thread, which keeps the threads busy while the worker loop writes down results: as many
    for each account as succeeded in its last round. ``recall`` returns waiting calls to the worker loop, which decides
    anew whether and when they are made: all calls of an account after an error, and those that have waited for long.
    """

    def __init__(
        self, number: int, each: int, perform: Callable[[Call], CallResult], on_idle: Callable[[], None]
    ) -> None:
        self._number, self._each, self._perform, self._on_idle = number, each, perform, on_idle
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._waiting: dict[int, deque[Call]] = {}
        self._running: set[Call] = set()
        self._busy: Counter[int] = Counter()  #: threads, by account
        self._ended: list[CallResult] = []
        self._returned: list[Call] = []
        self._pace: Counter[int] = Counter()
        self._closed = False

    def room(self, credential_id: int) -> int:
        """Return how many more calls of an account may be put in now.

        With 8 threads, 6 of them at most for one account::

            round 1   nothing runs           room(a) = 6   six calls of a are put in
            round 2   a: 6 succeeded         room(a) = 12  six run, six wait for a thread
                      b: nothing yet         room(b) = 2   the threads that a leaves free
            round 3   a: one call failed     room(a) = 0   until ``forget``: the failure is not written down before
        """
        with self._changed:
            if self._is_failing(credential_id):
                return 0
            taken = Counter(self._busy)
            taken.update({one: len(calls) for one, calls in self._waiting.items()})
            others = sum(min(self._each, number) for one, number in taken.items() if one != credential_id)
            free = min(self._each, self._number - others) - taken[credential_id]
            return max(0, free + self._pace[credential_id])

    def put(self, calls: Iterable[Call]) -> None:
        """Have these calls made, each as soon as there is a thread for its account."""
        with self._changed:
            for call in calls:
                credential_id = call.job.credential_id
                if self._is_failing(credential_id):
                    self._returned.append(call)
                else:
                    self._waiting.setdefault(credential_id, deque()).append(call)
            waiting = sum(map(len, self._waiting.values()))
            while len(self._threads) < min(self._number, len(self._running) + waiting):
                self._threads.append(threading.Thread(target=self._serve, name="imagery-call", daemon=True))
                self._threads[-1].start()
            self._changed.notify_all()

    def ended(self) -> list[CallResult]:
        """Return the results of calls that have ended. ``forget`` them when they are written down."""
        with self._changed:
            return list(self._ended)

    def forget(self, results: Collection[CallResult]) -> None:
        """Forget results that are written down, which ends a round."""
        known = set(results)
        with self._changed:
            self._ended = [result for result in self._ended if result not in known]
        self._pace = Counter(result.job.credential_id for result in results if result.error is None)

    def idle(self) -> bool:
        """Say whether nothing runs or waits any more, and there is something to collect."""
        return bool(self._ended or self._returned) and not self._running and not self._waiting

    def calls(self) -> list[Call]:
        """Return all calls that are not yet forgotten: waiting, returned, running and ended."""
        with self._changed:
            waiting = [call for calls in self._waiting.values() for call in calls]
            return [*waiting, *self._returned, *self._running, *(result.call for result in self._ended)]

    def recall(self, seconds: float = 0.0) -> list[Call]:
        """Remove calls that no thread has begun, and return them: those of accounts that failed, and those of accounts
        whose oldest call has waited for ``seconds`` or more.
        """
        before = time.monotonic() - seconds
        with self._changed:
            for credential_id, calls in list(self._waiting.items()):
                if calls[0].ticket.since <= before:
                    self._returned += self._waiting.pop(credential_id)
            returned, self._returned = self._returned, []
            return returned

    def close(self) -> None:
        """End the threads: each as soon as its call is over."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _serve(self) -> None:
        while True:
            with self._changed:
                while (call := self._next()) is None:
                    if self._closed:
                        return
                    self._changed.wait()
                self._running.add(call)
                self._busy[call.job.credential_id] += 1
            result = self._perform(call)
            with self._changed:
                self._running.remove(call)
                self._busy[call.job.credential_id] -= 1
                self._ended.append(result)
                if _concerns_others(result):
                    self._returned += self._waiting.pop(call.job.credential_id, ())
            if self.idle():
                self._on_idle()

    def _is_failing(self, credential_id: int) -> bool:
        return any(result.job.credential_id == credential_id and _concerns_others(result) for result in self._ended)

    def _next(self) -> Call | None:
        """Remove and return the oldest call of the account that has the fewest threads."""
        credential_id = min(self._waiting, key=self._busy.__getitem__, default=None)
        if credential_id is None or self._busy[credential_id] >= self._each:
            return None
        calls = self._waiting[credential_id]
        call = calls.popleft()
        if not calls:
            del self._waiting[credential_id]
        return call


def _concerns_others(result: CallResult) -> bool:
    """Say whether an error may concern the other calls of the account as well: anything but a refusal of this job."""
    return isinstance(result.error, ProviderError) and not isinstance(result.error, ProviderRefused)
