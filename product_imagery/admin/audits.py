"""Admin of pictures that marketplaces would refuse, as the last audit found them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.actions import EnhanceImagesMixin
from product_imagery.admin.base import ReadOnlyRecords, state_label
from product_imagery.admin.permissions import may
from product_imagery.admin.small_copies import ListsSmallCopies, file_url, small_url
from product_imagery.admin.tables import Echo, plain
from product_imagery.admin.visibility import visible
from product_imagery.models import AuditedPicture, Preset
from product_imagery.rules.judge import Level


@admin.register(AuditedPicture)
class AuditedPictureAdmin(ListsSmallCopies, ReadOnlyRecords, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only list of what ``imagery_audit --store`` has kept; actions start a fitting look, and write a table."""

    change_list_template = "admin/product_imagery/audits.html"  # type: ignore[misc]
    list_display = ("picture", "found", "checked_at")
    list_display_links = None
    list_filter = ("pack", "level", ("content_type", admin.RelatedOnlyFieldListFilter))
    search_fields = ("label", "=object_id", "file")
    list_per_page = 50
    actions = ("enhance", "as_csv")
    steps = ("start_enhancement",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditedPicture]:
        """Leave out the products that the shop hides from the person."""
        return visible(request, self.admin_site, super().get_queryset(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under its title."""
        return super().changelist_view(
            request, {"title": _("Pictures outside marketplace rules"), **(extra_context or {})}
        )

    def has_enhance_permission(self, request: HttpRequest) -> bool:
        """Return true for users who may start enhancements."""
        return may(request, "start_enhancement")

    @admin.display(description=_("picture"))
    def picture(self, row: AuditedPicture) -> SafeString | str:
        product, is_target = (row.content_type_id, row.object_id), row.is_published
        full = file_url(row.content_type_id, row.file, target=is_target)
        small = partial(small_url, site=self.admin_site, product=product, name=row.file, target=is_target)
        return self.linked_copy(full, small, row) if full else "–"

    @admin.display(description=_("product"), ordering="label")
    def found(self, row: AuditedPicture) -> SafeString:
        state = state_label("failed" if row.level == Level.FAIL else "queued", row.get_level_display())
        reasons = format_html_join("", "<li>{}</li>", ((finding.sentence,) for finding in row.reasons))
        parts = (row, row.get_pack_display(), state, reasons)
        return format_html('<strong>{}</strong><div>{} {}</div><ul class="imagery-reasons">{}</ul>', *parts)

    @admin.action(description=_("Make fitting pictures of the selected products"), permissions=["enhance"])
    def enhance(self, request: HttpRequest, queryset: QuerySet[AuditedPicture]) -> HttpResponse | None:
        """Open the start page for the products, with a look for their marketplace."""
        rows = list(queryset.order_by().values_list("content_type", "object_id", "pack"))
        models = {row[0] for row in rows}
        model = ContentType.objects.get_for_id(models.pop()).model_class() if len(models) == 1 else None
        host = self.admin_site._registry.get(model) if model else None
        if not isinstance(host, EnhanceImagesMixin):
            text = gettext("Select products of one kind whose page in this admin offers to enhance pictures.")
            messages.error(request, text)
            return None
        started = host.enhance_images(request, host.get_queryset(request).filter(pk__in={row[1] for row in rows}))
        look = Preset.objects.offered().filter(rules__in={row[2] for row in rows}).first()
        return HttpResponseRedirect(f"{started['Location']}?preset={look.name}") if started and look else started

    @admin.action(description=_("Download the selected rows as CSV"))
    def as_csv(self, request: HttpRequest, queryset: QuerySet[AuditedPicture]) -> StreamingHttpResponse:
        response = StreamingHttpResponse(_lines(queryset), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="marketplace-rules.csv"'
        return response


def _lines(rows: QuerySet[AuditedPicture]) -> Iterator[str]:
    writer: Any = csv.writer(Echo())
    yield writer.writerow(["product", "name", "picture", "file", "pack", "level", "rules", "reasons"])
    for row in rows.iterator(chunk_size=500):
        rules, reasons = (" ".join(getattr(one, name) for one in row.reasons) for name in ("rule", "sentence"))
        cells = (row.object_id, row.label, row.slot, row.file, row.pack, row.level, rules, reasons)
        yield writer.writerow([plain(cell) for cell in cells])
