"""Admin of the ledger."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from product_imagery.admin.base import ReadOnly, titles
from product_imagery.models import CreditEntry


@admin.register(CreditEntry)
class CreditEntryAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only list of the ledger."""

    list_display = ("at", "credential", "kind", "amount", "enhancement", "job")
    list_filter = ("credential", "kind", "at")
    list_select_related = ("credential", "job")
    date_hierarchy = "at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CreditEntry]:
        """Fetch the titles of the enhancements in one query more."""
        return super().get_queryset(request).prefetch_related(titles())
