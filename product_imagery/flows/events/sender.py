"""Deliver: send what was announced to the endpoints, until they have it or it is given up.

Signed by the rules of Standard Webhooks (standardwebhooks.com): id, time and body under an HMAC-SHA256 for each secret
that is good now. ``perform`` runs in a thread and touches no database.
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

from product_imagery.exceptions import ImageryError, SecretError
from product_imagery.flows import guard
from product_imagery.models import EventDelivery, WebhookEndpoint
from product_imagery.models.db_time import from_now
from product_imagery.models.event import VERIFICATION
from product_imagery.net.post import Reply, post

logger = logging.getLogger("product_imagery")

#: seconds after each failed attempt, as Standard Webhooks suggests: three days in all
_WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
_JITTER = 0.2  #: of a wait, up or down: what failed together does not come back together
_LONGEST = 86_400.0  #: of the waits that a receiver may ask for
_PATIENCE = 5 * 86_400.0  #: seconds; an endpoint that fails all this time is switched off
_OWN_TROUBLE_SECONDS = 600.0
_THREADS, _EACH = 16, 4
_CLAIM_SECONDS = 60.0
_LOOK_SECONDS = 0.5
_UNREACHABLE = "The address could not be reached."


class Sender:
    """Sends what is due, in a few threads: of one endpoint only some, so that a slow one holds up no other."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="imagery-event")
        self._sending: dict[Future[Attempt], EventDelivery] = {}
        self._look_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._sending)

    def turn(self) -> int:
        """Write down what has come back and send what is due; return how many."""
        arrived = self.collect()
        free = _THREADS - len(self._sending)
        if not free or (not arrived and time.monotonic() < self._look_at):
            return arrived
        busy = Counter(delivery.endpoint_id for delivery in self._sending.values())
        due = EventDelivery.objects.acquire_due(most=free, each=_EACH, busy=busy, seconds=_CLAIM_SECONDS)
        for delivery in due:
            self._sending[self._threads.submit(perform, delivery)] = delivery
        if not due:
            self._look_at = time.monotonic() + _LOOK_SECONDS
        return arrived + len(due)

    def collect(self) -> int:
        """Write down what has come back; return how many."""
        finished = [future for future in self._sending if future.done()]
        for future in finished:
            unforeseen = future.exception()  # one delivery must not take the pump with it
            if unforeseen is not None:
                logger.error("Delivery %s could not be sent.", self._sending[future].pk, exc_info=unforeseen)
            record(future.result() if unforeseen is None else _fault(self._sending[future], unforeseen))
            del self._sending[future]  # not before: what is not written down is not forgotten either
        return len(finished)

    def close(self) -> None:
        """Write down what has come back. What is on its way is sent again when its claim has run out."""
        self.collect()
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class Attempt:
    """A delivery and what came of it: a reply, or none. ``trouble``: our own, in a sentence; it was not sent."""

    delivery: EventDelivery
    reply: Reply | None
    trouble: str = ""
    fault: str = ""  #: nobody foresaw it: counted like a failed attempt

    @property
    def arrived(self) -> bool:
        """Whether the receiver has it: any 2xx, and for a challenge the right answer."""
        if self.reply is None or not 200 <= self.reply.status < 300:
            return False
        challenge = self.delivery.endpoint.challenge
        return self.delivery.kind != VERIFICATION or challenge.encode() in self.reply.body


def _fault(delivery: EventDelivery, error: BaseException) -> Attempt:
    return Attempt(delivery, None, fault=f"It could not be sent: {guard.reason_of(error)}")


def perform(delivery: EventDelivery) -> Attempt:
    """Send it once."""
    body = delivery.body.encode()
    try:
        keys = delivery.endpoint.signing_keys()
        headers = {"Content-Type": "application/json", **signature(delivery.message_id, body, keys, int(time.time()))}
        return Attempt(delivery, post(delivery.url or delivery.endpoint.url, body, headers))
    except SecretError as error:
        return Attempt(delivery, None, error.message)
    except ImageryError:  # one answer for all: who asks learns nothing about what is behind an address
        return Attempt(delivery, None)


def signature(message_id: str, body: bytes, keys: list[bytes], timestamp: int) -> dict[str, str]:
    """The three headers of Standard Webhooks."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signed = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{one}" for one in signed),
    }


def record(attempt: Attempt) -> None:
    """Write down what came of an attempt, if the claim is still ours. Never raises: it is sent again, if it cannot."""
    error = guard.attempt(partial(_record, attempt))
    if error is None:
        return
    logger.error("What became of delivery %s was not written down.", attempt.delivery.pk, exc_info=error)
    if not isinstance(error, guard.TRANSIENT):
        with suppress(DatabaseError):
            EventDelivery.objects.set_aside(attempt.delivery, guard.reason_of(error))


@transaction.atomic
def _record(attempt: Attempt) -> None:
    if attempt.arrived:
        _arrived(attempt)
    elif attempt.trouble:
        _postpone(attempt)
    else:
        _failed(attempt)


def _postpone(attempt: Attempt) -> None:
    """It waits until we can sign again; that is no fault of the receiver's."""
    due_at = from_now(_OWN_TROUBLE_SECONDS)
    EventDelivery.objects.held(attempt.delivery).release(note=attempt.trouble[:300], due_at=due_at)


def _arrived(attempt: Attempt) -> None:
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
    planned = _WAITS[tried - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  no secret
    return max(planned, min(reply.retry_after, _LONGEST)) if reply else planned


def _sentence(attempt: Attempt) -> str:
    if attempt.reply is None:
        return attempt.fault or _UNREACHABLE
    if 200 <= attempt.reply.status < 300:
        return "The answer does not contain the challenge."
    return f"The receiver answered {attempt.reply.status}."


def _note_health(delivery: EventDelivery, reply: Reply | None) -> None:
    """An endpoint that is gone, or that has failed for days, is switched off until its owner has it verified again."""
    mine = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id)
    active = mine.filter(state=WebhookEndpoint.State.ACTIVE)
    if delivery.kind == VERIFICATION:
        pending = mine.filter(state=WebhookEndpoint.State.PENDING)
        pending.update(note="It did not answer the challenge. Ask for another one when it can.")
        return
    disabled = WebhookEndpoint.State.DISABLED
    if reply is not None and reply.status == 410:
        active.update(state=disabled, note="The receiver says that it is gone (410).")
        return
    mine.filter(failing_since=None).update(failing_since=Now())
    active.filter(failing_since__lt=from_now(-_PATIENCE)).update(
        state=disabled, note="Every delivery failed for five days."
    )
