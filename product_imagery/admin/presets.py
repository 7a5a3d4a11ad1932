"""Admin of presets: choose a kind of work by its picture, then its options, with a preview."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import page_url, render_page, stepwise_view
from product_imagery.admin.option_fields import shown
from product_imagery.admin.pictures import example_url
from product_imagery.admin.preset_forms import BOUNDS, OPTION, PREVIEW, PresetForm, form_for, kinds, products_to_try
from product_imagery.admin.small_copies import picture_response
from product_imagery.admin.start.forms import OptionsForm
from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.previews import try_look
from product_imagery.models import Preset
from product_imagery.provider_kit.registry import all_providers


@admin.register(Preset)
class PresetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """List and form of the looks that merchants choose from."""

    form = PresetForm
    list_display = ("picture", "look", "operation", "provider", "position", "is_active", "name", "shown_options")
    list_display_links = ("look",)
    list_editable = ("position", "is_active")
    list_filter = ("operation", "provider", "is_active")
    search_fields = ("label", "name")
    prepopulated_fields = {"name": ("label",)}
    readonly_fields = ("kind", "look", "text", "shown_options")

    class Media:
        css = {"all": ("product_imagery/admin.css", "product_imagery/preset.css")}
        js = ("product_imagery/options.js", "product_imagery/preset.js")

    def get_urls(self) -> list[URLPattern]:
        """Add the picture of the preview."""
        preview = stepwise_view(self.admin_site, self._preview_view, cacheable=True)
        return [path("preview/", preview, name="product_imagery_preset_preview"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for the kind of work first."""
        if _is_kind(request.GET.get("work", "")):
            return super().add_view(request, form_url, extra_context)
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "kinds": kinds(), "opts": self.opts}
        context |= {"title": gettext("Add a look: choose what it does"), "query": request.GET.urlencode()}
        return render_page(request, self.admin_site, "admin/product_imagery/preset_kinds.html", context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Give the form a field for each option."""
        kwargs["form"] = form_for(obj, request.GET.get("work", ""), self._preview_facts(request))
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Group the fields; options of a preset that a person may only see, or of a lost provider, are one text."""
        form = form_for(obj, request.GET.get("work", ""), {"url": ""})
        options = [name for name in form.base_fields if name.startswith(OPTION) or name == PREVIEW]
        may_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return [
            (
                None,
                {
                    "fields": (
                        "kind",
                        *(("label", "name", "description") if may_edit else ("look", "name", "text")),
                        "rules",
                    )
                },
            ),
            (_("Options"), {"fields": options if options and may_edit else ("shown_options",)}),
            *([(_("Fidelity"), {"fields": BOUNDS})] if get_settings().compare_results else []),
            (_("Where it is offered"), {"fields": ("is_active", "position", "credential")}),
        ]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the name of an existing preset alone: programs may use it."""
        return {} if obj else self.prepopulated_fields

    @admin.display(description=_("kind"))
    def kind(self, preset: Preset) -> str:
        return f"{preset.get_operation_display()}, {preset.get_provider_display()}" if preset.operation else "–"

    @admin.display(description=_("label"), ordering="label")
    def look(self, preset: Preset) -> str:
        return str(preset)

    @admin.display(description=_("description"))
    def text(self, preset: Preset) -> str:
        return gettext(preset.description)

    @admin.display(description=_("picture"))
    def picture(self, preset: Preset) -> SafeString:
        address = example_url(preset.operation, preset.options)
        return format_html('<img src="{}" alt="" width="56" height="56" class="imagery-thumb" loading="lazy">', address)

    @admin.display(description=_("options"))
    def shown_options(self, preset: Preset) -> str:
        provider: Any = all_providers().get(preset.provider)
        offer = provider and provider.offers.get(preset.operation)
        known = {option.name: option for option in offer.options} if offer else {}
        texts = [
            shown(known[name], value) if name in known else f"{name}: {value}" for name, value in preset.options.items()
        ]
        return "; ".join(texts) or "–"

    def _preview_facts(self, request: HttpRequest) -> dict[str, Any]:
        products = [
            {"value": f"{description.content_type().pk}:{picture.object_id}:{picture.slot}", "label": picture.label}
            for description, picture in products_to_try(request, self.admin_site)
        ]
        return {"products": products, "url": page_url(self.admin_site, "preset_preview")}

    def _preview_view(self, request: HttpRequest) -> HttpResponse:
        """Return a small picture of options on a product; empty (status 204) where there is none."""
        if not self.has_view_or_change_permission(request) and not self.has_add_permission(request):
            raise PermissionDenied
        work, chosen = request.GET.get("work", ""), request.GET.get("product", "")
        provider, _colon, operation = work.partition(":")
        if not _is_kind(work) or not all_providers()[provider].computes:
            return HttpResponse(status=204)
        found = {
            f"{description.content_type().pk}:{one.object_id}:{one.slot}": (description, one)
            for description, one in products_to_try(request, self.admin_site)
        }
        try:
            options = OptionsForm(request.GET, spec=spec_of_operation(operation, {}))
            if chosen not in found or not options.is_valid():
                return HttpResponse(status=204)
            return picture_response(try_look(*found[chosen], spec_of_operation(operation, options.options())))
        except ImageryError as error:
            return HttpResponse(status=204, headers={"X-Reason": error.code or "unknown"})


def _is_kind(work: str) -> bool:
    """Return true for a kind of work that an installed provider can do, as in ``local:scene``."""
    provider, _colon, operation = work.partition(":")
    found = all_providers().get(provider)
    return found is not None and operation in found.offers
