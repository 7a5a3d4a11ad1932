"""Inbox of webhooks from providers, as received."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from product_imagery.models.credential import ProviderCredential
from product_imagery.models.db_time import from_now

_FAILURES = 5  #: number after which a delivery is set aside
_SOON = 60.0  #: seconds after which a worker processes a delivery that was not processed on arrival


class DeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Deliveries by state of processing."""

    def forgotten(self) -> DeliveryQuerySet:
        """Filter deliveries that were not processed and are not being processed."""
        return self.filter(received_at__lt=from_now(-_SOON), processed_at=None, set_aside_at=None)

    def set_aside(self) -> DeliveryQuerySet:
        """Filter deliveries that failed repeatedly; ``outcome`` has the reason."""
        return self.filter(set_aside_at__isnull=False)

    def note_failure(self, pk: int, reason: str) -> None:
        """Count a failure, and set the delivery aside after too many."""
        mine = self.filter(pk=pk, processed_at=None)
        mine.update(failures=F("failures") + 1, outcome=reason[:200])
        mine.filter(failures__gte=_FAILURES, set_aside_at=None).update(set_aside_at=Now())


class WebhookDelivery(models.Model):
    """One webhook that was verified, or that came from a provider that does not sign.

    ``headers`` contain only those of an allow-list. ``job_token`` is the UUID of the job, if the webhook came to the
    address of one job. A delivery that fails several times is set aside, with the reason in ``outcome``, until a person
    processes it again.
    """

    credential = models.ForeignKey(ProviderCredential, models.CASCADE, related_name="deliveries")
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
        permissions = (("view_body_webhookdelivery", _("Can view the bodies of calls of providers")),)
        ordering = ("-pk",)
        indexes = (models.Index(fields=["received_at"]),)
        constraints = (
            models.UniqueConstraint(
                fields=["credential", "event_id"], condition=~Q(event_id=""), name="imagery_delivery_once"
            ),
        )

    def __str__(self) -> str:
        return self.event_id or f"delivery {self.pk}"
