"""Presets: named choices of operation and options."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.exceptions import RequestError
from product_imagery.fidelity.judge import Bounds
from product_imagery.models.credential import ProviderCredential
from product_imagery.provider_kit.contract import NAMES, Operation
from product_imagery.provider_kit.registry import all_providers, get_offer, get_provider, provider_choices
from product_imagery.rules.packs import packs


def operation_choices() -> list[tuple[str, Any]]:
    """Return the choices of model fields. Fields take the callable, so that a new operation needs no migration."""
    return [(operation.value, _(NAMES[operation])) for operation in Operation]


def pack_choices() -> list[tuple[str, str]]:
    """Return the choices of fields that name a rule pack: names of marketplaces, which are not translated."""
    return [(pack.name, pack.label) for pack in packs().values()]


class PresetQuerySet(models.QuerySet["Preset"]):
    """Presets by whether they can be used."""

    def offered(self) -> PresetQuerySet:
        """Filter active presets whose provider needs no credential or has an active one."""
        free = [slug for slug, provider in all_providers().items() if not provider.needs_credential]
        credential = ProviderCredential.objects.filter(provider=models.OuterRef("provider"), is_active=True)
        return self.filter(models.Q(provider__in=free) | models.Exists(credential), is_active=True)


class Preset(models.Model):
    """An operation with options under a name, shipped or of the shop's own. The admin calls it a look."""

    name = models.SlugField(_("name"), max_length=60, unique=True)
    label = models.CharField(_("label"), max_length=80)
    description = models.CharField(_("description"), max_length=200, blank=True)
    operation = models.CharField(_("operation"), max_length=30, choices=operation_choices)
    options = models.JSONField(_("options"), default=dict, blank=True)
    provider = models.CharField(_("provider"), max_length=40, choices=provider_choices, default="local")
    credential = models.ForeignKey(
        ProviderCredential, models.SET_NULL, verbose_name=_("preferred credential"), null=True, blank=True
    )
    rules = models.CharField(
        _("marketplace"),
        max_length=40,
        choices=pack_choices,
        blank=True,
        help_text=_("Its rules are checked on every picture. A picture that breaks one waits for a person."),
    )
    most_colour = models.FloatField(
        _("colour may change by"),
        default=Bounds.colour,
        validators=[MinValueValidator(0)],
        help_text=_("ΔE 2000 beside the source. A picture whose product changed more waits for a person."),
    )
    most_shape = models.FloatField(
        _("shape may change by"),
        default=Bounds.shape,
        validators=[MinValueValidator(0)],
        help_text=_("Stretch in percent. A picture whose product changed more waits for a person."),
    )
    most_details = models.FloatField(
        _("details may change by"),
        default=Bounds.details,
        validators=[MinValueValidator(0)],
        help_text=_("Percent of the product, such as a label. A picture that changed more waits for a person."),
    )
    position = models.PositiveSmallIntegerField(_("position"), default=100)
    is_active = models.BooleanField(_("offered"), default=True)

    objects = PresetQuerySet.as_manager()

    class Meta:
        verbose_name = _("preset")
        verbose_name_plural = _("presets")
        ordering = ("position", "label")

    def __str__(self) -> str:
        return gettext(self.label)

    def bounds(self) -> Bounds:
        """Return the drift from the source that needs no person."""
        return Bounds(self.most_colour, self.most_shape, self.most_details)

    def clean(self) -> None:
        """Refuse options that the provider does not honour, and a credential of another provider.

        Raises ``ValidationError``.
        """
        try:
            offer = get_offer(get_provider(self.provider), self.operation)
            self.options = {k: v for k, v in offer.clean(self.options or {}).items() if k in self.options}
        except RequestError as error:
            raise ValidationError({"options": error.message}) from error
        if self.credential and self.credential.provider != self.provider:
            raise ValidationError({"credential": _("This credential belongs to another provider.")})
