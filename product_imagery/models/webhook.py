"""Inbound webhook calls, as received."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from product_imagery.models.credential import ProviderCredential


class WebhookDelivery(models.Model):
    """One call that was verified, or came from a provider that does not sign. ``headers`` are an allow-list.

    ``job_token`` is the job's own uuid, where the call came to the job's own address.
    """

    credential = models.ForeignKey(ProviderCredential, models.CASCADE, related_name="deliveries")
    event_id = models.CharField(_("event"), max_length=200, blank=True)
    headers = models.JSONField(_("headers"), default=dict)
    body = models.BinaryField()
    job_token = models.UUIDField(null=True, editable=False)
    received_at = models.DateTimeField(_("received"), auto_now_add=True)
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ("-pk",)
        indexes = (models.Index(fields=["received_at"]),)
        constraints = (
            models.UniqueConstraint(
                fields=["credential", "event_id"], condition=~Q(event_id=""), name="imagery_delivery_once"
            ),
        )

    def __str__(self) -> str:
        return self.event_id or f"delivery {self.pk}"
