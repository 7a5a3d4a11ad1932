"""Admin of the ledger."""

from __future__ import annotations

from django.contrib import admin

from product_imagery.admin.base import ReadOnly
from product_imagery.models import CreditEntry


@admin.register(CreditEntry)
class CreditEntryAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only list of the ledger."""

    list_display = ("at", "credential", "kind", "amount", "enhancement", "job")
    list_filter = ("credential", "kind", "at")
    list_select_related = ("credential", "enhancement", "job")
    date_hierarchy = "at"
