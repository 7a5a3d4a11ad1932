"""Forms of the start page: the options that a provider declares, and the choices for one enhancement."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.option_fields import field_of, misfit
from product_imagery.exceptions import OptionError
from product_imagery.flows.enhancements.specs import WorkSpec


class OptionsForm(forms.Form):
    """Options of a look, as its provider declares them.

    ``kept``: options that the person entered for another look and that fit this one. ``one_picture``: one certain
    picture is ordered, so that it is asked for what is in it, too.
    """

    def __init__(
        self, data: Any = None, *, spec: WorkSpec, kept: Mapping[str, Any] | None = None, one_picture: bool = False
    ) -> None:
        super().__init__(data, prefix="option")
        self.spec = spec
        self.initially = {**spec.options, **(kept or {})}
        asked = (option for option in spec.offer.options if one_picture or not option.one_picture)
        self.fields = {option.name: field_of(option, self.initially[option.name]) for option in asked}

    @property
    def changes(self) -> list[str]:
        """The labels of the options that differ from those of the look."""
        chosen = self.options()
        before = self.spec.options
        return [str(field.label) for name, field in self.fields.items() if chosen.get(name) != before.get(name)]

    def clean(self) -> dict[str, Any]:
        """Check each value against the declaration of its option."""
        cleaned: dict[str, Any] = super().clean() or {}
        for option in self.spec.offer.options:
            if option.name in cleaned:
                try:
                    cleaned[option.name] = option.clean(cleaned[option.name])
                except OptionError:
                    self.add_error(option.name, misfit(option))
        return cleaned

    def options(self) -> dict[str, Any]:
        """Return the options as entered, or those of the look before anything was entered."""
        return self.cleaned_data if self.is_bound and self.is_valid() else self.initially


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


def kept_options(entered: Any, before: WorkSpec, spec: WorkSpec) -> dict[str, Any]:
    """Return the options that a person has changed for the look ``before`` and that fit another look.

    An option that makes the other look what it is, as its scene does, is not taken over.
    """
    form = OptionsForm(entered, spec=before)
    form.is_valid()
    own = set(spec.preset.options) if spec.preset else set()
    kept = {}
    for option in spec.offer.options:
        value = form.cleaned_data.get(option.name)
        if option.name in form.fields and option.name not in own and value != before.options[option.name]:
            with suppress(OptionError):
                kept[option.name] = option.clean(value)
    return kept
