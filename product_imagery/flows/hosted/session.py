"""The line between the pump's threads and everything outside: providers, limits, and the database by the pump's hand.

Threads touch no database. What has to be written down before a call goes on is an errand, done by the pump's own
thread while the other waits.
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
_ACCOUNT = "account"  #: under this name the fingerprint is remembered
_ECHO = "••••".encode()
_FRESH = 0.3  #: seconds after its claim in which a call counts as sent at once
_SHORTEST_KEY = 8  #: bytes: what is shorter is no key, and may stand in any answer
_KEPT_BYTES = 64 * 1024  #: a longer intent, with a picture inside, is kept as its digest


class Account:
    """What calls are made with. One serves all the calls of a claim: a key is decrypted once for all of them."""

    def __init__(self, credential: ProviderCredential) -> None:
        self.credential = credential

    @functools.cached_property
    def key(self) -> MaskedStr:
        """The key. Raises ``CredentialRefused``."""
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
        """What tells one account from another without its key: address and key, hashed with the site's own key.

        Raises ``CredentialRefused``.
        """
        return self._fingerprint(settings.SECRET_KEY)

    def is_that_of(self, fingerprint: str) -> bool:
        """Whether a fingerprint that was taken earlier is of this account. Raises ``CredentialRefused``."""
        return any(
            self._fingerprint(key) == fingerprint for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        )

    def _fingerprint(self, site_key: str | bytes) -> str:
        material = f"{self.credential.address()}\n{self.key}"
        return salted_hmac("product_imagery account", material, site_key, algorithm="sha256").hexdigest()[:32]

    def without_key(self, response: Response) -> Response:
        """The answer without our key in it, should the provider have echoed it."""
        key = self.key.encode()
        echoed = len(key) >= _SHORTEST_KEY and key in response.body
        return replace(response, body=response.body.replace(key, _ECHO)) if echoed else response


@dataclass
class Ticket:
    """What entitles to calls for one job: after ``deadline`` (monotonic) the claim may have gone to somebody else.

    ``counted``: the first call was counted when the job was claimed. ``sent``: a create may have reached the provider.
    ``skew``: how many seconds the provider's clock is ahead of ours, if it told.
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
        """The same, with the body of a good answer in a file. Raises ``ProviderError``."""
        return self._transport.save(account.credential.address(), request, account.headers, path, most_bytes)


class Session(Caller):
    """Answers what the conversations about jobs ask for."""

    def __init__(self, tools: Tools, transport: Transport, mailbox: Mailbox) -> None:
        super().__init__(transport)
        self.tools, self._mailbox = tools, mailbox

    def respond(self, request: Request, ticket: Ticket) -> Any:
        """Answer one request of a job's conversation. Raises ``ImageryError``."""
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
        """Count the call as of now: it may have waited since its claim. Raises ``RateLimited``."""
        job, waited = ticket.job, time.monotonic() - ticket.since
        if not ticket.counted:
            self._mailbox.ask(lambda: count(job.credential_id, request))
        elif waited > _shortest_window(job.credential) / 2:
            self._mailbox.ask(lambda: _count_again(job))
        elif waited > _FRESH and not request.creates:  # the uses of creates are dated when their intents are written
            self._mailbox.ask(SentNow(job))
        ticket.counted = False

    def probe(self, request: Request, ticket: Ticket) -> Any:
        """Answer what a conversation asks for that was not foreseen at the claim and creates nothing. As ``answer``."""
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
            # What was bought is known here and nowhere else: that it is unknown has to be found out, not forgotten.
            message = "What the provider has accepted could not be written down."
            raise ProviderUnavailable(message, code=error.code, detail=error.message) from error


def count(credential_id: int, request: HttpRequest) -> None:
    """Count a call that was not foreseen when its job was claimed. Raises ``RateLimited`` where there is no room."""
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
    """Count a call that waited so long that its place may be somebody else's. Raises ``RateLimited``."""
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
    """The bytes of the create; empty where only their digest was kept."""
    intent = bytes(job.intent or b"")
    return b"" if intent.startswith(_DIGEST) else intent


def account_changed(ticket: Ticket) -> bool:
    """Whether the account's key or address is another one than when the job was sent. Raises ``CredentialRefused``."""
    sent_with = ticket.job.remembered.get(_ACCOUNT)
    return bool(sent_with) and not ticket.account.is_that_of(sent_with)


def _remember(job: ProviderJob, facts: dict[str, str]) -> None:
    job.remembered = {**job.remembered, **facts}
    if not ProviderJob.objects.held(job).update(remembered=job.remembered):
        raise NotSent("Another worker has this job now.", code="lease_lost")
