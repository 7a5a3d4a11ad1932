"""Presets and credentials: what is offered, and by which account."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from product_imagery.models import Preset, ProviderCredential
from product_imagery.states import UNFINISHED_JOBS, JobState


@admin.register(Preset)
class PresetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Looks that merchants choose from."""

    list_display = ("label", "name", "operation", "provider", "shown_options", "position", "is_active")
    list_editable = ("position", "is_active")
    list_filter = ("operation", "provider", "is_active")
    search_fields = ("label", "name")
    prepopulated_fields = {"name": ("label",)}

    @admin.display(description=_("options"))
    def shown_options(self, preset: Preset) -> str:
        return ", ".join(f"{name}={value}" for name, value in preset.options.items()) or "–"


@admin.register(ProviderCredential)
class ProviderCredentialAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Accounts, and how busy and healthy each is."""

    list_display = ("label", "provider", "health", "waiting", "failed", "is_active", "created_at")
    list_filter = ("provider", "is_active")
    fields = ("provider", "label", "base_url", "is_active")
    actions = ("resume",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderCredential]:
        """With the figures of all rows in one query."""
        return ProviderCredential.objects.annotate(
            waiting_jobs=Count("jobs", filter=Q(jobs__state__in=UNFINISHED_JOBS)),
            failed_jobs=Count("jobs", filter=Q(jobs__state=JobState.FAILED)),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The provider of an account is fixed once jobs may hang on it."""
        return ("provider",) if obj else ()

    @admin.display(description=_("health"))
    def health(self, credential: ProviderCredential) -> str:
        if credential.paused_at:
            return _t("paused: %s") % credential.paused_reason
        return _t("in use") if credential.is_active else _t("switched off")

    @admin.display(description=_("unfinished jobs"))
    def waiting(self, credential: Any) -> int:
        return int(credential.waiting_jobs)

    @admin.display(description=_("failed jobs"))
    def failed(self, credential: Any) -> int:
        return int(credential.failed_jobs)

    @admin.action(description=_("Resume after a pause"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        ProviderCredential.objects.filter(pk__in=queryset.values("pk")).update(paused_at=None, paused_reason="")
