"""Sessions: the object through which the thread of a call talks to a provider, within its limits.

Threads touch no database. What has to be written before a call goes on is a message to the mailbox: the worker loop
writes it while the thread waits.
"""

from __future__ import annotations

import functools
import hashlib
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from product_imagery.encryption import MaskedStr
from product_imagery.exceptions import CredentialRefused, NotSent, ProviderUnavailable, RateLimited, SecretError
from product_imagery.flows.hosted.mailbox import Mailbox, SentNow
from product_imagery.flows.results.fetch import Tools
from product_imagery.models import LimitUse, ProviderCredential, ProviderJob
from product_imagery.net.transport import Transport
from product_imagery.provider_kit.contract import Counted, Limit
from product_imagery.provider_kit.headers import clock_skew
from product_imagery.provider_kit.registry import get_provider
from product_imagery.provider_kit.requests import Compute, HttpRequest, Remember, Request
from product_imagery.provider_kit.response import Response

_DIGEST = b"sha256:"
_ACCOUNT = "account"  #: key of the fingerprint in ``ProviderJob.remembered``
_ECHO = "••••".encode()
_FRESH = 0.3  #: seconds after its lease within which a call counts as sent at once
_SHORTEST_KEY = 8  #: bytes; a shorter text is no key and may be part of any response
_KEPT_BYTES = 64 * 1024  #: a longer intent (a picture inside) is kept as its SHA-256


class Account:
    """A credential in use: its decrypted key and the headers made of it, for all calls that were leased together."""

    def __init__(self, credential: ProviderCredential) -> None:
        self.credential = credential

    @functools.cached_property
    def key(self) -> MaskedStr:
        """The decrypted key. Raises ``CredentialRefused`` where there is none that can be sent."""
        try:
            key = MaskedStr(self.credential.secret().reveal())
        except SecretError as error:
            raise CredentialRefused(error.message, code=error.code) from error
        if not key and get_provider(self.credential.provider).needs_credential:
            raise CredentialRefused("The account has no key.", code="no_key")
        if not (key.isascii() and key.isprintable()):
            sentence = "The account's key holds characters that cannot be sent. Enter it again."
            raise CredentialRefused(sentence, code="unsendable_key")
        return key

    @functools.cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers that carry the key. Raises ``CredentialRefused``."""
        provider = get_provider(self.credential.provider)()
        return {name: MaskedStr(value) for name, value in provider.authorisation(self.key).items()}

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of base address and key, made with the site's ``SECRET_KEY``: it identifies the account, not the key.

        Raises ``CredentialRefused``.
        """
        return self._fingerprint(settings.SECRET_KEY)

    def is_that_of(self, fingerprint: str) -> bool:
        """Say whether an earlier fingerprint is of this account. Raises ``CredentialRefused``."""
        return any(
            self._fingerprint(key) == fingerprint for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        )

    def _fingerprint(self, site_key: str | bytes) -> str:
        material = f"{self.credential.address()}\n{self.key}"
        return salted_hmac("product_imagery account", material, site_key, algorithm="sha256").hexdigest()[:32]

    def without_key(self, response: Response) -> Response:
        """Return the response with our key masked, if the provider has echoed it."""
        key = self.key.encode()
        echoed = len(key) >= _SHORTEST_KEY and key in response.body
        return replace(response, body=response.body.replace(key, _ECHO)) if echoed else response


@dataclass
class Ticket:
    """The right to make calls for one job until ``deadline`` (monotonic), when its lease may expire.

    ``counted``: the first call was counted when the job was leased. ``sent``: a create may have reached the provider.
    ``skew``: seconds by which the provider's clock is ahead of ours, if its response has a date.
    """

    job: ProviderJob
    account: Account
    deadline: float
    counted: bool = True
    sent: bool = False
    skew: float | None = None
    since: float = field(default_factory=time.monotonic)


class Caller:
    """Calls providers with the keys of accounts."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, account: Account, request: HttpRequest) -> Response:
        """Send a request with the account's key. Raises ``ProviderError``."""
        credential = account.credential
        patience = credential.declared.patience
        return account.without_key(self._transport.send(credential.address(), request, account.headers, patience))

    def save(self, account: Account, request: HttpRequest, path: Path, most_bytes: int) -> Response:
        """Send a request as ``send`` does; save the body of a success as a file. Raises ``ProviderError``."""
        return self._transport.save(account.credential.address(), request, account.headers, path, most_bytes)


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
            self._mailbox.ask(_with_intent(ticket, request.body))
        if time.monotonic() > ticket.deadline:
            raise NotSent("The lease of this job has expired.", code="lease_expired")
        ticket.sent = ticket.sent or request.creates
        response = self.send(ticket.account, request)
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
        elif waited > _shortest_window(job.credential) / 2:
            self._mailbox.ask(lambda: _count_again(job))
        elif waited > _FRESH and not request.creates:  # those of creates are dated with their intents
            self._mailbox.ask(SentNow(job))
        ticket.counted = False

    def probe(self, request: Request, ticket: Ticket) -> Any:
        """Respond to a request that was not counted at the lease and creates nothing. Raises as ``respond`` does."""
        assert isinstance(request, HttpRequest)
        assert not request.creates
        self._mailbox.ask(lambda: count(ticket.job.credential_id, request))
        if time.monotonic() > ticket.deadline:
            raise NotSent("The lease of this job has expired.", code="lease_expired")
        return self.send(ticket.account, request)

    def _remember(self, ticket: Ticket, facts: dict[str, str]) -> None:
        try:
            self._mailbox.ask(lambda: _remember(ticket.job, facts))
        except NotSent as error:
            if not ticket.sent:
                raise
            # A create was accepted and its id is lost with this error: the job has to be looked up, not sent again.
            message = "What the provider has accepted could not be written down."
            raise ProviderUnavailable(message, code=error.code, detail=error.message) from error


def count(credential_id: int, request: HttpRequest) -> None:
    """Count one call against the account's limits, now. Raises ``RateLimited`` where there is no room."""
    with transaction.atomic():
        ProviderCredential.objects.lock(credential_id)
        credential = ProviderCredential.objects.get(pk=credential_id)
        limits = credential.limits()
        amounts = {Counted.REQUESTS: 1, Counted.READS: 0 if request.creates else 1}
        room = LimitUse.objects.room(credential, limits)
        _require(credential, limits, room, amounts)
        LimitUse.objects.note(credential, limits, amounts)


def _shortest_window(credential: ProviderCredential) -> float:
    return min((limit.seconds for limit in credential.limits()), default=math.inf)


def _count_again(job: ProviderJob) -> None:
    """Replace the count of a call that waited for long, since its place may be taken. Raises ``RateLimited``."""
    with transaction.atomic():
        ProviderCredential.objects.lock(job.credential_id)
        credential = ProviderCredential.objects.get(pk=job.credential_id)
        limits = credential.limits()
        uses = LimitUse.objects.filter(pk__in=job.uses)
        amounts = {Counted(use.counted): use.amount for use in uses}
        uses.delete()
        room = LimitUse.objects.room(credential, limits)
        _require(credential, limits, room, amounts)
        job.uses = ()
        LimitUse.objects.note_each(credential, limits, [(job, amounts)])


def _require(
    credential: ProviderCredential, limits: Iterable[Limit], room: Mapping[Counted, int], amounts: Mapping[Counted, int]
) -> None:
    for counted, amount in amounts.items():
        if room.get(counted, amount) < amount:
            limited = RateLimited("The provider's limit is reached for now.", code="own_limit")
            limited.retry_after = LimitUse.objects.wait(credential, limits, counted)
            raise limited


def _with_intent(ticket: Ticket, body: bytes) -> ProviderJob:
    job = ticket.job
    job.intent = body if len(body) <= _KEPT_BYTES else _DIGEST + hashlib.sha256(body).hexdigest().encode()
    job.remembered = {**job.remembered, _ACCOUNT: ticket.account.fingerprint}
    return job


def whole_intent(job: ProviderJob) -> bytes:
    """Return the bytes of the create; empty where only their digest is kept."""
    intent = bytes(job.intent or b"")
    return b"" if intent.startswith(_DIGEST) else intent


def account_changed(ticket: Ticket) -> bool:
    """Say whether key or address differ from those that the job was sent with. Raises ``CredentialRefused``."""
    sent_with = ticket.job.remembered.get(_ACCOUNT)
    return bool(sent_with) and not ticket.account.is_that_of(sent_with)


def _remember(job: ProviderJob, facts: dict[str, str]) -> None:
    job.remembered = {**job.remembered, **facts}
    if not ProviderJob.objects.held(job).update(remembered=job.remembered):
        raise NotSent("Another worker has this job now.", code="lease_lost")
