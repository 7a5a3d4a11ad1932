"""Calls at hosted providers: jobs are leased, their calls made in threads, and the results written down."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial

from product_imagery.conf import Settings
from product_imagery.flows import local_jobs
from product_imagery.flows.guard import TRANSIENT, Guard, attempt, reason_of
from product_imagery.flows.hosted import calls
from product_imagery.flows.hosted.mailbox import Mailbox
from product_imagery.flows.hosted.outcomes import apply_all
from product_imagery.flows.hosted.session import Session
from product_imagery.flows.hosted.values import Call
from product_imagery.flows.jobs.scheduling import acquire_calls, credentials_with_calls, set_aside
from product_imagery.flows.results.fetch import Tools
from product_imagery.flows.worker.dispatcher import Dispatcher
from product_imagery.models import ProviderJob
from product_imagery.net.transport import Transport
from product_imagery.provider_kit.registry import hosted_providers

_STALE = 2.0  #: seconds for which a call may wait for a thread
_FAILURES = 5  #: in a row, after which an account is set aside


class HostedCalls:
    """Calls that are under way at hosted providers, within the limits of their accounts.

    All methods are for the worker loop's thread; the threads of calls write to the database through ``mailbox``.
    """

    def __init__(
        self, settings: Settings, tools: Tools, mailbox: Mailbox, guard: Guard, on_idle: Callable[[], None]
    ) -> None:
        self._seconds, self._guard = settings.claim_seconds, guard
        self._transport = Transport()
        session = Session(tools, self._transport, mailbox)
        perform, number = partial(calls.perform, session=session), settings.connections
        self._dispatcher = Dispatcher(number, max(1, number * 3 // 4), perform, on_idle)
        self._providers = hosted_providers()
        self._refusals: Counter[int] = Counter()  #: consecutive failures to choose calls, by account
        self._begun = 0

    def begin(self) -> int:
        """Begin the calls that are due and that their limits allow; return how many."""
        before = self._begun
        for credential_id in credentials_with_calls(self._providers):
            error = attempt(partial(self._begin_at, credential_id))
            if error is not None:
                self._refuse(credential_id, error)
        return self._begun - before

    def _begin_at(self, credential_id: int) -> None:
        deadline = time.monotonic() + self._seconds  # from before the lease: never later than its end
        jobs = acquire_calls(credential_id, self._dispatcher.room(credential_id), self._seconds)
        self._dispatcher.put(calls.prepare(jobs, deadline))
        self._begun += len(jobs)
        self._refusals.pop(credential_id, None)

    def _refuse(self, credential_id: int, error: Exception) -> None:
        """Note that an account's calls could not be chosen; after some failures in a row it pauses, with the reason."""
        self._guard.note(f"account {credential_id}", error)
        self._refusals[credential_id] += not isinstance(error, TRANSIENT)
        if self._refusals[credential_id] >= _FAILURES:
            self._guard.call(f"account {credential_id}", partial(set_aside, credential_id, reason_of(error)))
            del self._refusals[credential_id]

    def collect(self) -> int:
        """Write down the results of ended calls, and return the jobs of stale ones; return how many have ended."""
        results = self._dispatcher.ended()
        apply_all(results)
        self._dispatcher.forget(results)  # not before they are written down
        _return_jobs(self._dispatcher.recall(_STALE))
        return len(results)

    @property
    def busy(self) -> bool:
        """True while there is a call whose result is not written down."""
        return bool(self._dispatcher.calls())

    @property
    def has_sent(self) -> bool:
        """True while there is such a call that has sent a create."""
        return any(call.ticket.sent for call in self._dispatcher.calls())

    @property
    def all_ended(self) -> bool:
        """True if there is something to collect, and no call runs or waits for a thread."""
        return self._dispatcher.idle()

    def jobs(self) -> list[ProviderJob]:
        """Return the leased jobs of all these calls."""
        return [call.job for call in self._dispatcher.calls()]

    def extend(self, held: Collection[int], deadline: float) -> None:
        """Move the deadline (monotonic) of calls about the jobs ``held``, whose leases were renewed."""
        for call in self._dispatcher.calls():
            if call.job.pk in held:
                call.ticket.deadline = deadline

    def recall(self) -> list[Call]:
        """Remove the calls that no thread has begun, and return them."""
        return self._dispatcher.recall()

    def return_jobs(self, recalled: list[Call]) -> None:
        """Return the jobs of recalled calls, and of all others that no thread has begun."""
        _return_jobs([*recalled, *self._dispatcher.recall()])

    def close(self) -> None:
        """Close the connections and end the threads, each as soon as its call is over."""
        self._transport.close()
        self._dispatcher.close()


def _return_jobs(recalled: list[Call]) -> None:
    for call in recalled:
        local_jobs.return_job(call.job, begun=False)
