"""Lanes: the threads that make calls. A few calls may wait for them, as many as get done in a round, not more."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable

from product_imagery.flows.track import Call, Word


class Lanes:
    """``number`` threads, at most ``each`` of which work for one account: one that hangs leaves lanes to the others.

    Calls that wait for a lane keep the threads busy while the pump writes down what came back. As many may wait as
    ended in the round before: a provider that is slow has nothing waiting, so that what was counted is sent at once.
    """

    def __init__(
        self, number: int, each: int, perform: Callable[[Call], Word], on_idle: Callable[[], None] = lambda: None
    ) -> None:
        self._number, self._each, self._perform, self._on_idle = number, each, perform, on_idle
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._waiting: dict[int, deque[Call]] = {}
        self._running: set[Call] = set()
        self._busy: Counter[int] = Counter()  #: lanes, by account
        self._ended: list[Word] = []
        self._pace: Counter[int] = Counter()
        self._closed = False

    def room(self, account: int) -> int:
        """How many more calls of an account may be put in now."""
        with self._changed:
            taken = Counter(self._busy)
            taken.update({one: len(calls) for one, calls in self._waiting.items()})
            others = sum(min(self._each, number) for one, number in taken.items() if one != account)
            free = min(self._each, self._number - others) - taken[account]
            return max(0, free + self._pace[account])

    def put(self, calls: Iterable[Call]) -> None:
        """Let these calls be made, each as soon as there is a lane for its account."""
        with self._changed:
            for call in calls:
                self._waiting.setdefault(call.job.credential_id, deque()).append(call)
            waiting = sum(map(len, self._waiting.values()))
            while len(self._threads) < min(self._number, len(self._running) + waiting):
                self._threads.append(threading.Thread(target=self._serve, name="imagery-call", daemon=True))
                self._threads[-1].start()
            self._changed.notify_all()

    def collect(self) -> list[Word]:
        """What has come back since the last time, which ends a round."""
        with self._changed:
            ended, self._ended = self._ended, []
        self._pace = Counter(word.call.job.credential_id for word in ended)
        return ended

    def idle(self) -> bool:
        """Whether there is nothing to do but to collect."""
        return bool(self._ended) and not self._running and not self._waiting

    def calls(self) -> list[Call]:
        """All calls that have not been collected."""
        with self._changed:
            waiting = [call for calls in self._waiting.values() for call in calls]
            return [*waiting, *self._running, *(word.call for word in self._ended)]

    def take_back(self) -> list[Call]:
        """Take out the calls that no lane has begun."""
        with self._changed:
            waiting = [call for calls in self._waiting.values() for call in calls]
            self._waiting.clear()
            return waiting

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
            word = self._perform(call)
            with self._changed:
                self._running.remove(call)
                self._busy[call.job.credential_id] -= 1
                self._ended.append(word)
            if self.idle():
                self._on_idle()

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
