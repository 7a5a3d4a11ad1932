"""Admin of presets."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from product_imagery.models import Preset


@admin.register(Preset)
class PresetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """List and form of the looks that merchants choose from."""

    list_display = ("label", "name", "operation", "provider", "shown_options", "position", "is_active")
    list_editable = ("position", "is_active")
    list_filter = ("operation", "provider", "is_active")
    search_fields = ("label", "name")
    prepopulated_fields = {"name": ("label",)}

    @admin.display(description=_("options"))
    def shown_options(self, preset: Preset) -> str:
        return ", ".join(f"{name}={value}" for name, value in preset.options.items()) or "–"
