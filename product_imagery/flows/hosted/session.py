"""Sessions: the object through which the thread of a call talks to a provider, within its limits.

Threads touch no database. What has to be written before a call goes on is a message to the mailbox: the worker loop
writes it while the thread waits.
"""

from __future__ import annotations

import time
from typing import Any

from django.utils.translation import gettext

from product_imagery.exceptions import NotSent, ProviderUnavailable
from product_imagery.flows.hosted.credential_session import Caller
from product_imagery.flows.hosted.intent import with_intent
from product_imagery.flows.hosted.limits import count, count_again, shortest_window
from product_imagery.flows.hosted.mailbox import Mailbox, SentNow
from product_imagery.flows.hosted.values import Ticket
from product_imagery.flows.results.fetch import Tools
from product_imagery.models import ProviderJob
from product_imagery.net.transport import Transport
from product_imagery.provider_kit.headers import clock_skew
from product_imagery.provider_kit.requests import Compute, HttpRequest, Remember, Request

_FRESH = 0.3  #: seconds after its lease within which a call counts as sent at once


class Session(Caller):
    """Responds to what conversations about jobs request: HTTP calls, computing, facts to remember."""

    def __init__(self, tools: Tools, transport: Transport, mailbox: Mailbox) -> None:
        super().__init__(transport)
        self.tools, self._mailbox = tools, mailbox

    def respond(self, request: Request, ticket: Ticket) -> Any:
        """Respond to one request of a job's conversation. A create is sent only with its intent written.

        Raises ``ProviderError``, ``RateLimited``, ``NotSent``, and ``ImageryError`` where computing fails.
        """
        if isinstance(request, Compute):
            return self.tools.pool.run(request.call, **request.arguments)
        if isinstance(request, Remember):
            return self._remember(ticket, dict(request.facts))
        self._count(ticket, request)
        if request.creates:
            self._mailbox.ask(with_intent(ticket.job, ticket.session, request.body))
        if time.monotonic() > ticket.deadline:
            raise NotSent(gettext("The lease of this job has expired."), code="lease_expired")
        ticket.sent = ticket.sent or request.creates
        response = self.send(ticket.session, request)
        ticket.skew = clock_skew(response)
        return response

    def _count(self, ticket: Ticket, request: HttpRequest) -> None:
        """Count the call against the account's limits as of now: it may have waited. Raises ``RateLimited``.

        The limit is 10 creates in 60 s, and a job is leased at 0 s, its first call counted at 0 s::

            create sent at  0.1 s   the count of 0 s stands; writing the intent dates it 0.1 s
            create sent at 12 s     the same: dated 12 s with the intent
            poll sent at    12 s    ``SentNow``: the count moves to 12 s
            create sent at 40 s     its place may be given away (more than half of 60 s): counted anew, or RateLimited
            second call of the job  never counted before: counted now, or RateLimited
        """
        job, waited = ticket.job, time.monotonic() - ticket.since
        if not ticket.counted:
            self._mailbox.ask(lambda: count(job.credential_id, request))
        elif waited > shortest_window(job.credential) / 2:
            self._mailbox.ask(lambda: count_again(job))
        elif waited > _FRESH and not request.creates:  # those of creates are dated with their intents
            self._mailbox.ask(SentNow(job))
        ticket.counted = False

    def probe(self, request: Request, ticket: Ticket) -> Any:
        """Respond to a request that was not counted at the lease and creates nothing. Raises as ``respond`` does."""
        assert isinstance(request, HttpRequest)
        assert not request.creates
        self._mailbox.ask(lambda: count(ticket.job.credential_id, request))
        if time.monotonic() > ticket.deadline:
            raise NotSent(gettext("The lease of this job has expired."), code="lease_expired")
        return self.send(ticket.session, request)

    def _remember(self, ticket: Ticket, facts: dict[str, str]) -> None:
        try:
            self._mailbox.ask(lambda: _remember(ticket.job, facts))
        except NotSent as error:
            if not ticket.sent:
                raise
            # A create was accepted and its id is lost with this error: the job has to be looked up, not sent again.
            message = gettext("What the provider has accepted could not be written down.")
            raise ProviderUnavailable(message, code=error.code, detail=error.message) from error


def _remember(job: ProviderJob, facts: dict[str, str]) -> None:
    job.remembered = {**job.remembered, **facts}
    if not ProviderJob.objects.held(job).update(remembered=job.remembered):
        raise NotSent(gettext("Another worker has this job now."), code="lease_lost")
