"""Sender: deliver the events of the outbox to webhook endpoints, with retries.

Requests are signed as Standard Webhooks (standardwebhooks.com) says: an HMAC-SHA256 over id, time and body for each
secret that is valid now. ``perform`` runs in a thread and uses no database.

Timeline of a receiver that is down::

    0 s        acquired, sent: 503          attempts 1, due in about 5 s; the endpoint has been failing since now
    5 s        sent: no response            attempts 2, due in about 300 s
    305 s      sent: 204                    delivered; the endpoint is healthy again
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import random
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext, gettext_noop

from product_imagery.exceptions import ImageryError, SecretError
from product_imagery.flows import guard
from product_imagery.models import EventDelivery, WebhookEndpoint
from product_imagery.models.db_time import from_now
from product_imagery.models.event import VERIFICATION
from product_imagery.net.post import Reply, post

logger = logging.getLogger("product_imagery")

#: seconds to wait after each failed attempt, as Standard Webhooks suggests: three days in all
_WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
_JITTER = 0.2  #: share of a wait, more or less: events that failed together are not sent again together
_LONGEST = 86_400.0  #: seconds; the longest wait that a receiver may ask for
_PATIENCE = 5 * 86_400.0  #: seconds; an endpoint that fails for so long is disabled
_UNSIGNED_SECONDS = 600.0  #: to wait when a secret cannot be read
_THREADS, _EACH = 16, 4  #: requests at once: in all, and to one endpoint
_LEASE_SECONDS = 60.0
QUERY_SECONDS = 0.5  #: between two queries that find nothing due
_UNREACHABLE = gettext_noop("The address could not be reached.")


class Sender:
    """Sends due events in a few threads; one endpoint gets only some of them, so that it cannot hold up the others."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="imagery-event")
        self._sending: dict[Future[Attempt], EventDelivery] = {}
        self._query_at = 0.0

    @property
    def busy(self) -> bool:
        """True while a request is on its way."""
        return bool(self._sending)

    def turn(self) -> int:
        """Record finished attempts and send due events; return how many of both."""
        ended = self.collect()
        free = _THREADS - len(self._sending)
        if not free or (not ended and time.monotonic() < self._query_at):
            return ended
        busy = Counter(delivery.endpoint_id for delivery in self._sending.values())
        due = EventDelivery.objects.acquire_due(most=free, each=_EACH, busy=busy, seconds=_LEASE_SECONDS)
        for delivery in due:
            self._sending[self._threads.submit(perform, delivery)] = delivery
        if not due:
            self._query_at = time.monotonic() + QUERY_SECONDS
        return ended + len(due)

    def collect(self) -> int:
        """Record the attempts that have ended; return how many."""
        finished = [future for future in self._sending if future.done()]
        for future in finished:
            delivery = self._sending[future]
            unforeseen = future.exception()  # one delivery must not end the worker loop
            if unforeseen is not None:
                logger.error("Delivery %s could not be sent.", delivery.pk, exc_info=unforeseen, extra=_ids(delivery))
            record(future.result() if unforeseen is None else _fault(delivery, unforeseen))
            del self._sending[future]  # only now: until it is recorded it counts as being sent
        return len(finished)

    def close(self) -> None:
        """Record the attempts that have ended. Those on their way are repeated when their leases expire."""
        self.collect()
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class Attempt:
    """One attempt to send a delivery, and the reply, if there was one.

    ``unsigned``: why it could not be signed, in a sentence; nothing was sent.
    ``fault``: an unforeseen error, in a sentence; it counts as a failed attempt.
    """

    delivery: EventDelivery
    reply: Reply | None
    unsigned: str = ""
    fault: str = ""

    @property
    def arrived(self) -> bool:
        """True when the receiver has it: after any 2xx; a challenge has to be in the reply as well."""
        if self.reply is None or not 200 <= self.reply.status < 300:
            return False
        challenge = self.delivery.endpoint.challenge
        return self.delivery.kind != VERIFICATION or challenge.encode() in self.reply.body


def _ids(delivery: EventDelivery) -> dict[str, int]:
    return {"delivery": delivery.pk, "endpoint": delivery.endpoint_id}


def _fault(delivery: EventDelivery, error: BaseException) -> Attempt:
    return Attempt(
        delivery, None, fault=gettext("It could not be sent: %(reason)s") % {"reason": guard.reason_of(error)}
    )


def perform(delivery: EventDelivery) -> Attempt:
    """Sign a delivery and send it once. Raises nothing that is to be expected."""
    body = delivery.body.encode()
    try:
        keys = delivery.endpoint.signing_keys()
        headers = {"Content-Type": "application/json", **signature(delivery.message_id, body, keys, int(time.time()))}
        return Attempt(delivery, post(delivery.url or delivery.endpoint.url, body, headers))
    except SecretError as error:
        return Attempt(delivery, None, error.message)
    except ImageryError:  # without the reason: an owner of an endpoint must not explore our network
        return Attempt(delivery, None)


def signature(message_id: str, body: bytes, keys: list[bytes], timestamp: int) -> dict[str, str]:
    """Return the three headers of Standard Webhooks. ``timestamp``: seconds since 1970."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signed = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{one}" for one in signed),
    }


def record(attempt: Attempt) -> None:
    """Record an attempt, if the lease is still held. Never raises: where it fails, the event is sent again."""
    error = guard.attempt(partial(_record, attempt))
    if error is None:
        return
    delivery = attempt.delivery
    logger.error("An attempt of delivery %s could not be recorded.", delivery.pk, exc_info=error, extra=_ids(delivery))
    if not isinstance(error, guard.TRANSIENT):
        with suppress(DatabaseError):
            EventDelivery.objects.set_aside(delivery, guard.reason_of(error))


@transaction.atomic
def _record(attempt: Attempt) -> None:
    if attempt.arrived:
        _arrived(attempt)
    elif attempt.unsigned:
        _postpone(attempt)
    else:
        _failed(attempt)


def _postpone(attempt: Attempt) -> None:
    """Try again later when we cannot sign: that counts against nobody."""
    due_at = from_now(_UNSIGNED_SECONDS)
    EventDelivery.objects.held(attempt.delivery).release(note=attempt.unsigned[:300], due_at=due_at)


def _arrived(attempt: Attempt) -> None:
    """Record a delivery that arrived: a challenge activates its endpoint."""
    delivery, reply = attempt.delivery, attempt.reply
    assert reply is not None
    done = {"state": EventDelivery.State.DELIVERED, "delivered_at": Now(), "note": ""}
    attempts = delivery.attempts + 1
    if not EventDelivery.objects.held(delivery).release(status=reply.status, attempts=attempts, **done):
        return
    endpoint = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id)
    if delivery.kind == VERIFICATION:
        pending = endpoint.filter(challenge=delivery.endpoint.challenge, state=WebhookEndpoint.State.PENDING)
        pending.update(state=WebhookEndpoint.State.ACTIVE, note="", failing_since=None)
    if not delivery.url:
        endpoint.update(delivered_at=Now(), failing_since=None)


def _failed(attempt: Attempt) -> None:
    """Record a failed attempt: due again later, unless it was the last one or the endpoint is gone."""
    delivery, reply = attempt.delivery, attempt.reply
    tried = delivery.attempts + 1
    over = delivery.kind == VERIFICATION or tried > len(_WAITS) or (reply is not None and reply.status == 410)
    changes = {
        "attempts": tried,
        "status": reply.status if reply else None,
        "note": _sentence(attempt)[:300],
        "state": EventDelivery.State.FAILED if over else EventDelivery.State.WAITING,
        "due_at": Now() if over else from_now(_wait(tried, reply)),
    }
    if EventDelivery.objects.held(delivery).release(**changes) and not delivery.url:
        _note_health(delivery, reply)


def _wait(tried: int, reply: Reply | None) -> float:
    """Return seconds until the next attempt: as planned, or longer if the receiver asks for it."""
    planned = _WAITS[tried - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  no secret
    return max(planned, min(reply.retry_after, _LONGEST)) if reply else planned


def _sentence(attempt: Attempt) -> str:
    if attempt.reply is None:
        return attempt.fault or gettext(_UNREACHABLE)
    if 200 <= attempt.reply.status < 300:
        return gettext("The answer does not contain the challenge.")
    return gettext("The receiver answered %(status)s.") % {"status": attempt.reply.status}


def _note_health(delivery: EventDelivery, reply: Reply | None) -> None:
    """Disable an endpoint that is gone (410) or has failed for days, until its owner has it verified again."""
    mine = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id)
    active = mine.filter(state=WebhookEndpoint.State.ACTIVE)
    if delivery.kind == VERIFICATION:
        pending = mine.filter(state=WebhookEndpoint.State.PENDING)
        pending.update(note=gettext("It did not answer the challenge. Ask for another one when it can."))
        return
    disabled = WebhookEndpoint.State.DISABLED
    if reply is not None and reply.status == 410:
        active.update(state=disabled, note=gettext("The receiver says that it is gone (410)."))
        return
    mine.filter(failing_since=None).update(failing_since=Now())
    active.filter(failing_since__lt=from_now(-_PATIENCE)).update(
        state=disabled, note=gettext("Every delivery failed for five days.")
    )
