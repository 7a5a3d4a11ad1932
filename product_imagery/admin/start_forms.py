"""Forms of the start page: the options that a provider declares, and the choices for one enhancement."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from product_imagery.exceptions import OptionError
from product_imagery.flows.enhancements.specs import WorkSpec
from product_imagery.provider_kit.options import Kind, Option


class OptionsForm(forms.Form):
    """Options of a look, as its provider declares them."""

    def __init__(self, data: Any = None, *, spec: WorkSpec) -> None:
        super().__init__(data, prefix="option")
        self.spec = spec
        self.fields = {option.name: _field(option, spec.options[option.name]) for option in spec.offer.options}

    def clean(self) -> dict[str, Any]:
        """Check each value against the declaration of its option."""
        cleaned: dict[str, Any] = super().clean() or {}
        for option in self.spec.offer.options:
            if option.name in cleaned:
                try:
                    cleaned[option.name] = option.clean(cleaned[option.name])
                except OptionError as error:
                    self.add_error(option.name, error.message)
        return cleaned

    def options(self) -> dict[str, Any]:
        """Return the options as entered, or those of the look before anything was entered."""
        return self.cleaned_data if self.is_bound and self.is_valid() else self.spec.options


class StartForm(forms.Form):
    """Choices for one enhancement: fresh results, source, publication, budget."""

    fresh = forms.BooleanField(
        label=_("Make new ones"), help_text=_("also of pictures that have this look already"), required=False
    )
    from_present = forms.BooleanField(
        label=_("Start from the present picture"),
        help_text=_("also where we published it; otherwise from the original picture"),
        required=False,
    )
    auto_approve = forms.BooleanField(
        label=_("Publish without review"), help_text=_("put the results on the products at once"), required=False
    )

    budget = forms.DecimalField(
        label=_("Budget"),
        help_text=_("do not start if it would cost more, in the provider's unit"),
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=2,
    )

    def __init__(self, data: Any = None, *, spec: WorkSpec, may_publish: bool) -> None:
        super().__init__(data)
        if not may_publish:
            del self.fields["auto_approve"]
        if not spec.cost_each:
            del self.fields["budget"]

    def choices(self, *names: str) -> dict[str, Any]:
        """Return the values of the named fields, without those that are not offered or were not entered."""
        entered = self.cleaned_data if self.is_bound and self.is_valid() else {}
        return {name: entered[name] for name in names if entered.get(name) is not None}


def _field(option: Option, value: Any) -> forms.Field:
    common: dict[str, Any] = {
        "label": option.name.replace("_", " ").capitalize(),
        "help_text": option.help,
        "initial": value,
    }
    if option.kind is Kind.CHOICE:
        return forms.ChoiceField(choices=list((option.choices or {}).items()), **common)
    if option.kind is Kind.BOOLEAN:
        return forms.BooleanField(required=False, **common)
    bounds: dict[str, Any] = {"min_value": option.minimum, "max_value": option.maximum}
    if option.kind is Kind.INTEGER:
        return forms.IntegerField(**bounds, **common)
    if option.kind is Kind.NUMBER:
        return forms.FloatField(**bounds, **common)
    if option.is_free_text:
        is_long = option.kind is Kind.TEXT and (option.maximum or 0) > 120
        line = forms.URLInput() if option.kind is Kind.URL else forms.TextInput()
        area = forms.Textarea(attrs={"rows": 3}) if is_long else line
        return forms.CharField(
            widget=area, max_length=round(option.maximum or 0) or None, required=bool(option.minimum), **common
        )
    widget = forms.TextInput(attrs={"type": "color"}) if option.kind is Kind.COLOUR else forms.TextInput()
    return forms.CharField(widget=widget, max_length=20, **common)
