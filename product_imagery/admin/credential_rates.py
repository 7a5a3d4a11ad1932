"""Limits and prices of a credential as form fields, each beside what its provider documents."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.limit_texts import COUNTED, limit_text
from product_imagery.admin.option_fields import title_of
from product_imagery.models import ProviderCredential
from product_imagery.provider_kit.contract import Counted, Provider
from product_imagery.templatetags.imagery import duration

_PERIODS = {
    1: _("in a second"),
    60: _("in a minute"),
    3600: _("in an hour"),
    86_400: _("in a day"),
    2_592_000: _("in 30 days"),
}


class LimitInput(forms.MultiWidget):
    """A number, and the period in which it counts, ``usual`` seconds by default."""

    template_name = "admin/product_imagery/known_or_own.html"

    def __init__(self, periods: list[tuple[int, Any]], usual: int) -> None:
        self._usual = usual
        period = forms.Select(attrs={"aria-label": _("period")}, choices=periods)
        super().__init__({"most": forms.NumberInput(attrs={"min": 1}), "seconds": period})

    def id_for_label(self, id_: str) -> str:
        """Return the id of the number."""
        return f"{id_}_0" if id_ else id_

    def decompress(self, value: Any) -> list[Any]:
        """Return the values of both inputs; without a limit the number is empty."""
        return list(value) if value else [None, self._usual]


class LimitField(forms.MultiValueField):
    """A limit as the model stores it, ``[most, seconds]``; ``None`` without a number."""

    def __init__(self, seconds: Iterable[int], usual: int, **facts: Any) -> None:
        periods = [(one, _PERIODS.get(one) or gettext("in %(time)s") % {"time": duration(one)}) for one in seconds]
        most = dict.fromkeys(("min_value", "invalid"), _("Write a whole number above 0."))
        number = forms.IntegerField(min_value=1, max_value=1_000_000_000, required=False, error_messages=most)
        period = forms.TypedChoiceField(choices=periods, coerce=int, required=False, empty_value=None)
        super().__init__((number, period), widget=LimitInput(periods, usual), required=False, **facts)

    def compress(self, data_list: list[Any]) -> list[int] | None:
        """Return the limit; a number needs a time."""
        most: Any
        most, seconds = data_list or [None, None]
        if most and not seconds:
            raise ValidationError(_("Choose the time in which so many are allowed."), code="incomplete")
        return [most, seconds] if most else None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return true if the limit is another one; the time alone is none."""
        return bool(initial or (data and data[0])) and super().has_changed(initial, data)


class RatesForm(forms.Form):
    """Limits and prices that replace those of the provider. Stored ones without a field here are left alone."""

    title = _("Own limits and prices")
    description = _("Only what differs from the provider's documents: what stays empty is as documented.")
    classes = ("collapse",)

    def __init__(
        self, data: Any = None, *, provider: type[Provider], credential: ProviderCredential | None = None
    ) -> None:
        super().__init__(data, prefix="own")
        limits, prices = _stored(credential, "own_limits"), _stored(credential, "own_prices")
        documented = _prices(provider)
        self._limits = {f"limit-{name}": str(name) for name in Counted}
        self._prices = {f"price-{name}": name for name in documented}
        self.fields = {field: _limit_field(provider, name, limits) for field, name in self._limits.items()}
        for field, name in self._prices.items():
            self.fields[field] = _price_field(provider, *documented[name], _price(prices, name))

    def apply_to(self, credential: ProviderCredential) -> None:
        """Set the entered limits and prices; save nothing."""
        credential.own_limits = _replaced(_stored(credential, "own_limits"), self._entered(self._limits))
        stored = _stored(credential, "own_prices")
        prices = {name: price for name, price in self._entered(self._prices).items() if price != _price(stored, name)}
        written = {name: None if price is None else str(price) for name, price in prices.items()}
        credential.own_prices = _replaced(stored, written)

    def _entered(self, names: dict[str, str]) -> dict[str, Any]:
        """Return the values by their names in the model, of the fields that were sent."""
        sent = {
            field: name
            for field, name in names.items()
            if not self.fields[field].widget.value_omitted_from_data(self.data, self.files, self.add_prefix(field))
        }
        return {name: self.cleaned_data[field] for field, name in sent.items()}


def _stored(credential: ProviderCredential | None, name: str) -> dict[str, Any]:
    """Return the stored limits or prices; none where they are not stored as the model wants them."""
    found = getattr(credential, name, {})
    return found if isinstance(found, dict) else {}


def _limit(stored: dict[str, Any], name: str) -> list[int] | None:
    with suppress(KeyError, TypeError, ValueError):
        most, seconds = map(int, stored[name])
        return [most, seconds]
    return None


def _price(stored: dict[str, Any], name: str) -> Decimal | None:
    with suppress(KeyError, ArithmeticError):
        return Decimal(str(stored[name]))
    return None


def _replaced(stored: dict[str, Any], entered: dict[str, Any]) -> dict[str, Any]:
    """Return the stored values with those that were entered; an empty one is removed."""
    return {name: value for name, value in {**stored, **entered}.items() if value is not None}


def _limit_field(provider: type[Provider], name: str, stored: dict[str, Any]) -> LimitField:
    """Return the field of a limit, with the documented period by default."""
    documented = [limit for limit in provider.limits if limit.counted == name]
    own = _limit(stored, name)
    seconds = [limit.seconds for limit in documented]
    text = ", ".join(limit_text(limit) for limit in documented)
    return LimitField(
        sorted({*_PERIODS, *seconds, *(own or ())[1:]}),
        usual=seconds[0] if seconds else 60,
        label=COUNTED[name],
        help_text=gettext("Documented: %(limits)s.") % {"limits": text} if text else gettext("No limit is documented."),
        initial=own,
    )


def _prices(provider: type[Provider]) -> dict[str, tuple[str, list[Decimal]]]:
    """Return label and documented prices of each operation, and of each model on which a price depends."""
    found: dict[str, tuple[str, list[Decimal]]] = {}
    models: dict[str, tuple[str, list[Decimal]]] = {}
    for operation, offer in provider.offers.items():
        prices = offer.prices()
        found[operation] = (str(title_of(operation)), sorted(set(prices.values())))
        names = {value for option in offer.options if option.name == "model" for value in option.choices or ()}
        for name in prices.keys() & names:
            models[name] = (gettext("Model %(name)s") % {"name": name}, [prices[name]])
    return found | dict(sorted(models.items()))


def _price_field(
    provider: type[Provider], label: str, documented: list[Decimal], own: Decimal | None
) -> forms.DecimalField:
    facts = {"low": documented[0], "high": documented[-1], "unit": gettext(provider.currency)}
    free, one = gettext("Documented: free."), gettext("Documented: %(low)s %(unit)s a picture.")
    several = gettext("Documented: %(low)s to %(high)s %(unit)s a picture.")
    text = several if len(documented) > 1 else one
    return forms.DecimalField(
        label=gettext("Price: %(what)s") % {"what": label},
        help_text=text % facts if documented[-1] else free,
        min_value=0,
        max_digits=12,
        decimal_places=2,
        required=False,
        initial=own,
        error_messages=dict.fromkeys(("min_value", "invalid"), gettext("Write a price from 0.")),
    )
