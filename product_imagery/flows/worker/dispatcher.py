"""Lanes: the threads that make calls. A few calls may wait for them, as many as get done in a round, not more."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable

from product_imagery.exceptions import ProviderError, ProviderRefused
from product_imagery.flows.hosted.calls import Call, CallResult


class Dispatcher:
    """``number`` threads, at most ``each`` of which work for one account: one that hangs leaves lanes to the others.

    Calls that wait for a lane keep the threads busy while the pump writes down what came back. As many may wait as
    went well in the round before. They are put aside for ``take_back`` when a call of their account brings trouble, or
    when they wait for long: whether and when they are made is then decided anew. Until the trouble is written down,
    there is no room for the account: nobody knows of it yet who would give it more to do.
    """

    def __init__(
        self, number: int, each: int, perform: Callable[[Call], CallResult], on_idle: Callable[[], None]
    ) -> None:
        self._number, self._each, self._perform, self._on_idle = number, each, perform, on_idle
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._waiting: dict[int, deque[Call]] = {}
        self._running: set[Call] = set()
        self._busy: Counter[int] = Counter()  #: lanes, by account
        self._ended: list[CallResult] = []
        self._returned: list[Call] = []
        self._pace: Counter[int] = Counter()
        self._closed = False

    def room(self, account: int) -> int:
        """How many more calls of an account may be put in now."""
        with self._changed:
            if self._is_failing(account):
                return 0
            taken = Counter(self._busy)
            taken.update({one: len(calls) for one, calls in self._waiting.items()})
            others = sum(min(self._each, number) for one, number in taken.items() if one != account)
            free = min(self._each, self._number - others) - taken[account]
            return max(0, free + self._pace[account])

    def put(self, calls: Iterable[Call]) -> None:
        """Let these calls be made, each as soon as there is a lane for its account."""
        with self._changed:
            for call in calls:
                account = call.job.credential_id
                if self._is_failing(account):
                    self._returned.append(call)
                else:
                    self._waiting.setdefault(account, deque()).append(call)
            waiting = sum(map(len, self._waiting.values()))
            while len(self._threads) < min(self._number, len(self._running) + waiting):
                self._threads.append(threading.Thread(target=self._serve, name="imagery-call", daemon=True))
                self._threads[-1].start()
            self._changed.notify_all()

    def ended(self) -> list[CallResult]:
        """What has come back; to be forgotten when it is written down."""
        with self._changed:
            return list(self._ended)

    def forget(self, results: Collection[CallResult]) -> None:
        """These are written down, which ends a round."""
        known = set(results)
        with self._changed:
            self._ended = [result for result in self._ended if result not in known]
        self._pace = Counter(result.job.credential_id for result in results if result.error is None)

    def idle(self) -> bool:
        """Whether there is nothing to do but to collect."""
        return bool(self._ended or self._returned) and not self._running and not self._waiting

    def calls(self) -> list[Call]:
        """All calls that have not been collected."""
        with self._changed:
            waiting = [call for calls in self._waiting.values() for call in calls]
            return [*waiting, *self._returned, *self._running, *(result.call for result in self._ended)]

    def recall(self, seconds: float = 0.0) -> list[Call]:
        """Take out the calls that no lane has begun: those put aside, and those that have waited for so long."""
        before = time.monotonic() - seconds
        with self._changed:
            for account, calls in list(self._waiting.items()):
                if calls[0].ticket.since <= before:
                    self._returned += self._waiting.pop(account)
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

    def _is_failing(self, account: int) -> bool:
        return any(result.job.credential_id == account and _concerns_others(result) for result in self._ended)

    def _next(self) -> Call | None:
        """The oldest call of the account that has the fewest lanes."""
        account = min(self._waiting, key=self._busy.__getitem__, default=None)
        if account is None or self._busy[account] >= self._each:
            return None
        calls = self._waiting[account]
        call = calls.popleft()
        if not calls:
            del self._waiting[account]
        return call


def _concerns_others(result: CallResult) -> bool:
    """Whether what came back may concern the other calls of its account as well."""
    return isinstance(result.error, ProviderError) and not isinstance(result.error, ProviderRefused)
