"""Endpoints: addresses of other programs that subscribe to events."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext

from product_imagery import background
from product_imagery.exceptions import RequestError, StateError
from product_imagery.flows.events import outbox
from product_imagery.models import EventDelivery, WebhookEndpoint
from product_imagery.models.event import TEST, VERIFICATION

_MOST = 20  #: endpoints of one owner

_State = WebhookEndpoint.State


def make(
    *, owner: AbstractBaseUser, url: str, events: Sequence[str], description: str, is_test: bool
) -> tuple[WebhookEndpoint, str]:
    """Create an endpoint and send it a challenge; return it with its secret, which is shown only here.

    Raises ``RequestError`` when the owner has too many.
    """
    if WebhookEndpoint.objects.filter(owner=owner.pk).count() >= _MOST:
        raise RequestError(
            gettext("There are %(most)s webhook endpoints already. Delete one first.") % {"most": _MOST},
            code="too_many",
        )
    endpoint = WebhookEndpoint(url=url, events=sorted(set(events)), description=description, is_test=is_test)
    endpoint.owner_id = owner.pk
    secret = endpoint.new_secret()
    with transaction.atomic():
        endpoint.save()
        verify(endpoint)
    return endpoint, secret


def verify(endpoint: WebhookEndpoint) -> None:
    """Send a challenge. The endpoint is active, and gets other events, once a 2xx response contains it.

    Raises ``StateError`` for one that is active, or has a challenge on its way.
    """
    with transaction.atomic():
        challenge = secrets.token_urlsafe(24)
        mine = WebhookEndpoint.objects.filter(pk=endpoint.pk).exclude(state=_State.ACTIVE)
        if not mine.update(state=_State.PENDING, challenge=challenge, note="", failing_since=None):
            raise StateError(gettext("This endpoint has answered its challenge already."))
        waiting = EventDelivery.State.WAITING
        if EventDelivery.objects.filter(endpoint=endpoint, kind=VERIFICATION, state=waiting).exists():
            raise StateError(gettext("A challenge is on its way already."))
        outbox.record_for(endpoint, VERIFICATION, {"challenge": challenge})


def rotate(endpoint: WebhookEndpoint) -> str:
    """Give the endpoint another secret and return it; it is shown only here. The old one signs as well for a day."""
    with transaction.atomic():
        locked = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        secret = locked.new_secret()
        locked.save(update_fields=["sealed"])
    return secret


def send_test(endpoint: WebhookEndpoint) -> EventDelivery:
    """Send a test event. Raises ``StateError`` unless the endpoint is active."""
    _require_active(endpoint)
    return outbox.record_for(endpoint, TEST, {"endpoint": str(endpoint.uuid)})


def redeliver(delivery: EventDelivery) -> EventDelivery:
    """Send an event once more, under the same id. Raises ``StateError`` while it waits, or for an inactive endpoint."""
    if delivery.kind == VERIFICATION:
        raise StateError(gettext("A challenge is good once. Ask for another one."))
    _require_active(delivery.endpoint)
    ended = EventDelivery.objects.filter(pk=delivery.pk).exclude(state=EventDelivery.State.WAITING)
    again = {"state": EventDelivery.State.WAITING, "due_at": Now(), "attempts": 0}
    if not ended.release(**again):
        raise StateError(gettext("This event is waiting to be sent already."))
    background.wake()
    delivery.refresh_from_db()
    return delivery


def address_for(owner: AbstractBaseUser, url: str, *, is_test: bool) -> str:
    """Return ``url`` if one of the owner's active endpoints vouches for it: the same host and port.

    Raises ``RequestError`` for any other. An empty one passes.
    """
    active = WebhookEndpoint.objects.filter(owner=owner.pk, is_test=is_test, state=_State.ACTIVE)
    if url and not any(endpoint.vouches_for(url) for endpoint in active):
        sentence = gettext(
            "webhook_url has to be on the host of one of your verified endpoints: its secret signs what is sent."
        )
        raise RequestError(sentence, code="unverified_webhook_url")
    return url


def _require_active(endpoint: WebhookEndpoint) -> None:
    if endpoint.state != _State.ACTIVE:
        raise StateError(gettext("This endpoint is not active. Have it verified first."))
