"""Admin of uploads, which come from the API."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import ReadOnly
from product_imagery.models import Upload
from product_imagery.storage.store import address_of, results_storage


@admin.register(Upload)
class UploadAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only list of pictures that belong to no product of the shop."""

    list_display = ("name", "owner", "is_test", "picture", "enhanced_picture", "created_at")
    list_filter = ("is_test", "created_at")
    list_select_related = ("owner",)
    search_fields = ("name",)
    fields = ("name", "owner", "is_test", "picture", "fetched_from", "enhanced_picture", "created_at")
    readonly_fields = ("picture", "fetched_from", "enhanced_picture")

    @admin.display(description=_("fetched from"))
    def fetched_from(self, upload: Upload) -> str:
        """Return the URL without its query, which may contain a signature."""
        return upload.source_url.partition("?")[0] or "–"

    @admin.display(description=_("picture"))
    def picture(self, upload: Upload) -> str:
        return _link(upload.source.name, _("source"))

    @admin.display(description=_("enhanced"))
    def enhanced_picture(self, upload: Upload) -> str:
        return _link(upload.enhanced.name, _("enhanced"))


def _link(name: Any, label: Any) -> str:
    address = address_of(results_storage(), str(name)) if name else ""
    return format_html('<a href="{}">{}</a>', address, label) if address else "–"
