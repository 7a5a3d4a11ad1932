"""Accounts at providers."""

from __future__ import annotations

import uuid

from django.core.validators import URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from product_imagery.provider_kit.registry import get_provider, provider_choices


class CredentialManager(models.Manager["ProviderCredential"]):
    """Finds the account to use."""

    def for_provider(self, provider: str) -> ProviderCredential | None:
        """The oldest usable account at ``provider``; one that needs no key is made when first asked for."""
        found = self.filter(provider=provider).order_by("-is_active", "pk").first()
        if found is None and not get_provider(provider).needs_credential:
            found, _made = self.get_or_create(provider=provider, label=get_provider(provider).label)
        return found if found is not None and found.is_active else None


class ProviderCredential(models.Model):
    """One account at a provider. ``is_active`` off: no new work; ``paused_reason``: why it pauses by itself."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(_("provider"), max_length=40, choices=provider_choices)
    label = models.CharField(_("name"), max_length=80, unique=True)
    base_url = models.CharField(
        _("base address"), max_length=200, blank=True, validators=[URLValidator(schemes=["https", "http"])]
    )
    is_active = models.BooleanField(_("in use"), default=True)
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True, editable=False)
    paused_reason = models.CharField(_("reason of the pause"), max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = CredentialManager()

    class Meta:
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")
        ordering = ("label",)

    def __str__(self) -> str:
        return self.label
