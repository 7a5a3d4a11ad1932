"""Inbox: webhooks of providers as they were received."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.models.credential import ProviderCredential
from product_imagery.models.db_time import from_now

_MAX_FAILURES = 5  #: after which a delivery is set aside
_GRACE = 60.0  #: seconds in which the view that received a delivery may process it


class DeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Incoming deliveries by state of processing."""

    def unprocessed(self) -> DeliveryQuerySet:
        """Filter deliveries that the view has not processed on arrival, and that are not set aside."""
        return self.filter(received_at__lt=from_now(-_GRACE), processed_at=None, set_aside_at=None)

    def set_aside(self) -> DeliveryQuerySet:
        """Filter deliveries that failed repeatedly; ``outcome`` has the reason."""
        return self.filter(set_aside_at__isnull=False)

    def note_failure(self, pk: int, reason: str) -> None:
        """Count a failure of processing; after five, set the delivery aside."""
        mine = self.filter(pk=pk, processed_at=None)
        mine.update(failures=F("failures") + 1, outcome=reason[:200])
        mine.filter(failures__gte=_MAX_FAILURES, set_aside_at=None).update(set_aside_at=Now())


class WebhookDelivery(models.Model):
    """A webhook with a valid signature, or of a provider that does not sign webhooks.

    - ``headers``: those that the provider declares, no others.
    - ``job_token``: UUID of the job, if the webhook was sent to a URL with one.
    - ``set_aside_at``: set after repeated failures, with the reason in ``outcome``, until a person processes it again.
    """

    credential = models.ForeignKey(
        ProviderCredential, models.CASCADE, verbose_name=_("credential"), related_name="deliveries"
    )
    event_id = models.CharField(_("event"), max_length=200, blank=True)
    headers = models.JSONField(_("headers"), default=dict)
    body = models.BinaryField()
    job_token = models.UUIDField(null=True, editable=False)
    received_at = models.DateTimeField(_("received"), auto_now_add=True)
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    failures = models.PositiveSmallIntegerField(_("failures"), default=0)
    set_aside_at = models.DateTimeField(_("set aside"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=200, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        permissions = (("view_body_webhookdelivery", "Can view the bodies of calls of providers"),)
        ordering = ("-pk",)
        indexes = (models.Index(fields=["received_at"]),)
        constraints = (
            models.UniqueConstraint(
                fields=["credential", "event_id"], condition=~Q(event_id=""), name="imagery_delivery_once"
            ),
        )

    def __str__(self) -> str:
        return self.event_id or gettext("delivery %(number)s") % {"number": self.pk}
