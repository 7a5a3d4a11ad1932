"""Admin of tasks of workers that fail."""

from __future__ import annotations

from django.contrib import admin

from product_imagery.admin.base import ReadOnlyRecords
from product_imagery.models import WorkerTrouble


@admin.register(WorkerTrouble)
class WorkerTroubleAdmin(ReadOnlyRecords, admin.ModelAdmin):  # type: ignore[type-arg]
    """Tasks that fail at present. A row disappears when its task succeeds again."""

    list_display = ("task", "machine", "reason", "failures", "since", "last_at")
    list_filter = ("machine",)
    for_operators = True
