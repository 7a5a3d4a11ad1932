"""Forms of presets: the options of a kind of work as fields, with a preview on a product of the shop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, ClassVar

from django import forms
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.model_forms import ModelForm
from product_imagery.admin.option_fields import WORK, field_of, misfit, title_of
from product_imagery.admin.pictures import example_url
from product_imagery.admin.visibility import visible_products
from product_imagery.exceptions import ImageryError, OptionError
from product_imagery.models import Preset, ProviderCredential, Upload
from product_imagery.products import ProductImages, ProductPicture, registered
from product_imagery.provider_kit.contract import Offer
from product_imagery.provider_kit.registry import all_providers, get_offer, get_provider

OPTION = "option-"  #: prefix of the fields that are options, as in the form of the start page
PREVIEW = "preview"
BOUNDS = ("most_colour", "most_shape", "most_details")
_SHOWN, _SEARCHED = 12, 48  #: pictures to choose from; products of each model among which they are looked for


class PreviewInput(forms.Widget):
    """A choice of products and the picture of the look on the chosen one, which the browser asks for."""

    template_name = "admin/product_imagery/preset_preview.html"

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__()
        self.facts = facts

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Add what the template shows."""
        return {**super().get_context(name, value, attrs), **self.facts}


class PresetForm(ModelForm):
    """Form of a preset of one kind of work; subclasses made by ``form_for`` have a field for each option."""

    provider: ClassVar[str] = ""
    operation: ClassVar[str] = ""
    offer: ClassVar[Offer] = Offer()

    class Meta:
        model = Preset
        fields = ("label", "name", "description", "rules", *BOUNDS, "credential", "position", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.provider and not self.instance.pk:
            self.instance.provider, self.instance.operation = self.provider, self.operation
        if "credential" in self.fields:
            chosen: Any = self.fields["credential"]
            chosen.queryset = ProviderCredential.objects.filter(provider=self.instance.provider)

    def clean(self) -> dict[str, Any]:
        """Set the options that differ from the provider's defaults, or were set before."""
        cleaned: dict[str, Any] = super().clean() or {}
        stored, options = self.instance.options or {}, {}
        for option in self.offer.options:
            name = f"{OPTION}{option.name}"
            if option.one_picture and option.name in stored:
                options[option.name] = stored[option.name]
            if name not in cleaned or (option.required and not cleaned[name]):
                continue
            try:
                value = option.clean(cleaned[name])
            except OptionError:
                self.add_error(name, misfit(option))
                continue
            if value != option.default or option.name in stored:
                options[option.name] = value
        if self.offer.options:
            self.instance.options = options
        return cleaned


def form_for(preset: Preset | None, work: str, preview: dict[str, Any] | None) -> type[PresetForm]:
    """Return the form of a preset, or of a new one of the kind ``work``, as in ``local:scene``.

    Without options if the provider is no longer installed.
    """
    provider, _colon, operation = work.partition(":") if preset is None else (preset.provider, "", preset.operation)
    try:
        offer = get_offer(get_provider(provider), operation)
    except ImageryError:
        return PresetForm
    fields: dict[str, Any] = {}
    stored = preset.options if preset else {}
    for option in (one for one in offer.options if not one.one_picture):
        field = field_of(option, stored.get(option.name, option.default))
        field.required = field.required and not option.required
        fields[f"{OPTION}{option.name}"] = field
    if preview and get_provider(provider).computes:
        fields[PREVIEW] = forms.Field(
            required=False, label=_("Preview"), widget=PreviewInput({**preview, "work": f"{provider}:{operation}"})
        )
    facts = {"provider": provider, "operation": operation, "offer": offer, "__module__": __name__}
    return type("PresetForm", (PresetForm,), {**facts, **fields})


def kinds() -> list[dict[str, Any]]:
    """Return the kinds of work that installed providers can do, with picture and price; usable ones first."""
    usable = set(ProviderCredential.objects.filter(is_active=True).values_list("provider", flat=True))
    found = [
        {
            "work": f"{slug}:{operation}",
            "provider": provider,
            "title": title_of(operation),
            "text": WORK.get(operation, ("", ""))[1],
            "picture": example_url(operation, {}),
            "price": min(offer.prices().values(), default=0),
            "needs_account": provider.needs_credential and slug not in usable,
        }
        for slug, provider in all_providers().items()
        for operation, offer in provider.offers.items()
    ]
    return sorted(found, key=lambda kind: (kind["needs_account"], kind["price"]))


def products_to_try(request: HttpRequest, site: AdminSite) -> Iterator[tuple[ProductImages, ProductPicture]]:
    """Yield the first pictures of each model's products that the person may see; those that were uploaded last."""
    for description in sorted(registered(), key=lambda one: one.model is Upload):
        rows = visible_products(request, site, description)
        if rows is not None:
            with suppress(ImageryError):
                keys = list(rows.order_by("pk").values_list("pk", flat=True)[:_SEARCHED])
                yield from ((description, one) for one in islice(description.list_pictures(keys), _SHOWN))
