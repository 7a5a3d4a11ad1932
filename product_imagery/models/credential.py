"""Credentials: accounts at providers, with secrets, limits, prices and budgets."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from product_imagery.models.constraints import not_negative
from product_imagery.models.credential_availability import AvailabilityQuerySet, CredentialAvailability
from product_imagery.models.credential_limits import CredentialLimits
from product_imagery.models.credential_secrets import OVERLAP, CredentialSecrets
from product_imagery.models.db_time import from_now
from product_imagery.provider_kit.registry import all_providers, get_provider

_SKEW = 30.0  #: seconds; more than the resolution of ``Date`` and the delay of a slow network


class CredentialQuerySet(AvailabilityQuerySet["ProviderCredential"]):
    """Credentials by provider, by webhook id, and under a lock."""

    def for_provider(self, provider: str) -> ProviderCredential | None:
        """Return the oldest active credential of ``provider``, or ``None``.

        For a provider that needs no key, the credential is created on first use.
        """
        found = self.filter(provider=provider).order_by("-is_active", "pk").first()
        if found is None and not get_provider(provider).needs_credential:
            found, _made = self.get_or_create(provider=provider, label=get_provider(provider).label)
        return found if found is not None and found.is_active else None

    def for_webhook(self, webhook_uuid: uuid.UUID) -> ProviderCredential | None:
        """Return the active credential with this current or recent webhook id, or ``None``."""
        former = models.Q(former_webhook_uuid=webhook_uuid, moved_at__gt=from_now(-OVERLAP))
        return self.filter(models.Q(webhook_uuid=webhook_uuid) | former, is_active=True).first()

    def lock(self, pk: int) -> None:
        """Lock the row until the transaction ends. Limits and budgets are counted under this lock.

        By an ``UPDATE``, because SQLite has no row locks: there, a transaction that has written locks the database.
        """
        self.filter(pk=pk).update(label=models.F("label"))

    def locked(self, pk: int) -> ProviderCredential | None:
        """Lock the credential and return it; ``None`` if its jobs may not even be polled now."""
        self.lock(pk)
        return self.readable().filter(pk=pk).first()


class ProviderCredential(CredentialLimits, CredentialSecrets, CredentialAvailability):
    """One account at a provider.

    - ``webhook_uuid``: id in the URL of its webhooks. The former id is accepted for ``OVERLAP`` seconds after
      ``moved_at``.
    - ``readings``: chosen values of the provider's fields with choices.
    - ``clock_skew``: seconds by which the provider's clock is ahead of ours; changes of up to 30 s are not stored.
    """

    webhook_uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    former_webhook_uuid = models.UUIDField(null=True, unique=True, editable=False)
    moved_at = models.DateTimeField(null=True, editable=False)
    readings = models.JSONField(default=dict, editable=False)
    balance = models.DecimalField(
        _("balance at the provider"), max_digits=14, decimal_places=2, null=True, blank=True, editable=False
    )
    clock_skew = models.FloatField(default=0.0, editable=False)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")
        constraints = not_negative("credential", "budget_day", "budget_month")
        ordering = ("label",)

    def clean(self) -> None:
        """Check what depends on the provider, if there is one: its own field refuses any other."""
        if self.provider in all_providers():
            super().clean()

    def settings(self) -> dict[str, str]:
        """Return the chosen value of each field with choices; by default, the first choice."""
        found = {}
        for field in self.declared.fields:
            if field.choices:
                chosen = self.readings.get(field.name)
                found[field.name] = chosen if chosen in field.choices else field.choices[0]
        return found

    def note_clock(self, skew: float | None) -> None:
        """Store the skew of the provider's clock in seconds, if it changed notably.

        The age of signatures of webhooks is judged with it.
        """
        if skew is not None and abs(skew - self.clock_skew) > _SKEW:
            self.clock_skew = skew  # all jobs of one acquisition share this object, so it is stored once
            ProviderCredential.objects.filter(pk=self.pk).update(clock_skew=skew)
