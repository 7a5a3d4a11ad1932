"""Limits, prices and budgets of a credential."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from product_imagery.models.credential_base import CredentialBase
from product_imagery.provider_kit.contract import Counted, Limit, Offer


class CredentialLimits(CredentialBase):
    """Limits, prices and budgets that the shop sets; limits and prices replace those that the provider documents."""

    allowed_active = models.PositiveIntegerField(
        _("jobs at once"), null=True, blank=True, help_text=_("Empty: what the provider documents; 0: no limit.")
    )
    own_limits = models.JSONField(
        _("limits of its own"),
        default=dict,
        blank=True,
        help_text=_('Instead of the documented ones: {"requests": [60, 60]} is 60 requests in 60 seconds.'),
    )
    own_prices = models.JSONField(
        _("prices of its own"),
        default=dict,
        blank=True,
        help_text=_('Of one picture, by model or operation, instead of the documented ones: {"upscale": 25}.'),
    )
    budget_day = models.DecimalField(
        _("budget a day"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("In the provider's unit."),
    )
    budget_month = models.DecimalField(_("budget a month"), max_digits=12, decimal_places=2, null=True, blank=True)

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse malformed limits and prices. Raises ``ValidationError``."""
        super().clean()
        try:
            self.limits()
        except (AttributeError, TypeError, ValueError) as error:
            known = ", ".join(Counted)
            sentence = _("Write {counted: [most, seconds]} with whole numbers above 0; counted is one of: %s.") % known
            raise ValidationError({"own_limits": sentence}) from error
        try:
            cheapest = min((Decimal(str(price)) for price in self.own_prices.values()), default=Decimal(0))
            if not 0 <= cheapest < Decimal("Infinity"):
                raise ValueError(cheapest)
        except (AttributeError, ArithmeticError, ValueError) as error:
            wrong = _("Write {model or operation: price} with prices from 0.")
            raise ValidationError({"own_prices": wrong}) from error

    def limits(self) -> tuple[Limit, ...]:
        """Return ``own_limits``, and the documented limits of other quantities.

        Raises ``AttributeError``, ``TypeError`` or ``ValueError`` if ``own_limits`` are malformed.
        """
        own = [Limit(Counted(name), int(most), int(seconds)) for name, (most, seconds) in self.own_limits.items()]
        if any(limit.most < 1 or limit.seconds < 1 for limit in own):
            raise ValueError(own)
        replaced = {limit.counted for limit in own}
        return (*own, *(limit for limit in self.declared.limits if limit.counted not in replaced))

    def active_limit(self) -> int:
        """Return the maximum number of unfinished jobs at the provider; 0 means no limit."""
        return self.declared.active_jobs if self.allowed_active is None else self.allowed_active

    def cost_of(self, operation: str, offer: Offer, options: Mapping[str, Any]) -> Decimal:
        """Return the cost of one picture, in the provider's unit.

        ``own_prices`` of the model in ``options`` come first, then those of the operation, then the documented price.
        """
        own = [self.own_prices[name] for name in (options.get("model"), operation) if name in self.own_prices]
        return Decimal(str(own[0])) if own else offer.cost_of(options)
