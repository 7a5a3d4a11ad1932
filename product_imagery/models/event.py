"""Events, the webhook endpoints that receive them, and the outbox of their deliveries."""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from product_imagery.encryption import seal, unseal
from product_imagery.models.leases import Lease, LeaseQuerySet

_OVERLAP = timedelta(hours=24)  #: time after a rotation in which both secrets sign
_SECRET_BYTES = 32
_PREFIX = "whsec_"


class Event(models.TextChoices):
    """Kinds of events. ``enhancement.completed`` includes partial completion; the ``status`` in its data differs."""

    ITEM_COMPLETED = "enhancement.item.completed", _("a picture was made")
    ITEM_FAILED = "enhancement.item.failed", _("a picture could not be made")
    ITEM_STALLED = "enhancement.item.stalled", _("a picture needs a decision by a person")
    ENHANCEMENT_COMPLETED = "enhancement.completed", _("an enhancement was completed, fully or partially")
    ENHANCEMENT_FAILED = "enhancement.failed", _("no picture of an enhancement could be made")
    ENHANCEMENT_CANCELLED = "enhancement.cancelled", _("an enhancement was cancelled")
    GENERATION_APPROVED = "generation.approved", _("a result was approved")
    GENERATION_REOPENED = "generation.reopened", _("the approval of a result was undone")
    IMAGE_PUBLISHED = "image.published", _("a result was put on its product")
    IMAGE_RESTORED = "image.restored", _("the earlier picture was put back")


#: events that an endpoint receives without a subscription
VERIFICATION, TEST = "endpoint.verification", "endpoint.test"


class WebhookEndpoint(models.Model):
    """A URL that receives the events of its owner's enhancements, after it has confirmed a challenge.

    ``sealed`` has the encrypted secrets, newest first. For a day after a rotation, events are signed with the former
    secrets as well.
    """

    class State(models.TextChoices):
        """State of an endpoint; ``pending`` until it has confirmed the challenge."""

        PENDING = "pending", _("waiting for its answer to the challenge")
        ACTIVE = "active", _("active")
        DISABLED = "disabled", _("switched off")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"), related_name="imagery_endpoints"
    )
    is_test = models.BooleanField(_("hears of work with test keys"), default=False)
    url = models.TextField(_("address"))
    description = models.CharField(_("description"), max_length=200, blank=True)
    events = models.JSONField(_("events"), default=list)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    note = models.CharField(_("why"), max_length=300, blank=True)
    challenge = models.CharField(max_length=64, editable=False)
    sealed = models.JSONField(default=list, editable=False)  # {"token", "until"}, newest first
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    delivered_at = models.DateTimeField(_("last delivery"), null=True, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ("-pk",)
        indexes = (models.Index(fields=["owner", "state"]),)

    def __str__(self) -> str:
        return self.description or self.url[:80]

    def new_secret(self) -> str:
        """Generate a secret and return it; only its ciphertext is kept. The caller saves the endpoint.

        Former secrets sign for another day.
        """
        secret = _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        now = timezone.now()
        kept = [{**one, "until": one["until"] or (now + _OVERLAP).isoformat()} for one in self._good(now)]
        self.sealed = [{"token": seal(secret, self._place), "until": ""}, *kept]
        return secret

    def signing_keys(self) -> list[bytes]:
        """Return the valid signing keys, newest first. Raises ``SecretError``."""
        found = [unseal(one["token"], self._place).reveal() for one in self._good(timezone.now())]
        return [base64.b64decode(secret.removeprefix(_PREFIX)) for secret in found]

    def _good(self, now: datetime) -> list[dict[str, str]]:
        return [one for one in self.sealed if not one["until"] or datetime.fromisoformat(one["until"]) > now]

    def vouches_for(self, url: str) -> bool:
        """Return true if ``url`` has the scheme, host and port of this endpoint, so that its challenge covers both."""
        own, other = urlsplit(self.url), urlsplit(url)
        return (own.scheme, own.netloc.lower()) == (other.scheme, other.netloc.lower())

    @property
    def _place(self) -> str:
        return f"endpoint {self.uuid}"


class EventQuerySet(LeaseQuerySet["EventDelivery"]):
    """Event deliveries by state, and the leases on them."""

    def sendable(self) -> EventQuerySet:
        """Filter waiting deliveries to active endpoints, and challenges to pending ones."""
        proven = models.Q(endpoint__state=WebhookEndpoint.State.ACTIVE)
        asked = models.Q(endpoint__state=WebhookEndpoint.State.PENDING, kind=VERIFICATION)
        return self.filter(proven | asked, state=EventDelivery.State.WAITING)

    def fresh(self) -> EventQuerySet:
        """Filter sendable deliveries that were never attempted."""
        return self.sendable().filter(attempts=0)

    def acquire_due(self, *, most: int, each: int, busy: Mapping[int, int], seconds: float) -> list[EventDelivery]:
        """Lease up to ``most`` due deliveries for ``seconds``, at most ``each`` per endpoint.

        ``busy``: deliveries in flight by endpoint, which count towards ``each``. Their order is random, so that none
        of them always comes first.
        """
        due = self.sendable().free().filter(due_at__lte=Now())
        waiting = WebhookEndpoint.objects.filter(Exists(due.filter(endpoint=OuterRef("pk")))).order_by("?")
        chosen: list[int] = []
        for endpoint in waiting.values_list("pk", flat=True):
            room = min(each - busy.get(endpoint, 0), most - len(chosen))
            if room > 0:
                mine = due.filter(endpoint=endpoint).order_by("due_at", "pk")
                chosen += mine.values_list("pk", flat=True)[:room]
            if len(chosen) >= most:
                break
        if not chosen:
            return []
        token = self.filter(pk__in=chosen, state=EventDelivery.State.WAITING).acquire(seconds)
        leased = self.filter(lease_token=token, pk__in=chosen) if token else self.none()
        return list(leased.select_related("endpoint"))

    def set_aside(self, delivery: EventDelivery, reason: str) -> None:
        """Give up a delivery that cannot be processed, if its lease is still ours. A person can send it again."""
        self.held(delivery).release(state=EventDelivery.State.FAILED, note=reason[:300])


class EventDelivery(Lease):
    """One event for one endpoint: written in the transaction of the event, sent by a worker.

    Every attempt has the same id and the same bytes. ``url`` replaces the URL of the endpoint if it is not empty.
    """

    class State(models.TextChoices):
        """State of a delivery; ``failed`` after the last attempt. A person can send it again."""

        WAITING = "waiting", _("waiting")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("given up")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, verbose_name=_("webhook endpoint"), related_name="deliveries"
    )
    kind = models.CharField(_("event"), max_length=40)
    body = models.TextField(_("body"))  # text, because a JSON column may reorder fields
    url = models.TextField(_("address"), blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due"), db_default=Now())
    status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("happened"), default=timezone.now)
    delivered_at = models.DateTimeField(_("delivered"), null=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event delivery")
        verbose_name_plural = _("event deliveries")
        constraints = Lease.Meta.constraints
        permissions = (("view_body_eventdelivery", "Can view the bodies of events that are sent"),)
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=["endpoint", "due_at"], condition=models.Q(state="waiting"), name="imagery_to_send"),
            models.Index(fields=["endpoint", "-id"], name="imagery_event_of"),
            models.Index(fields=["created_at"]),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.uuid}"

    @property
    def message_id(self) -> str:
        """Value of the header ``webhook-id``, the same on every attempt."""
        return f"msg_{self.uuid.hex}"
