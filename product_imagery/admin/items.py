"""Admin of items, for operators who look for one product or one kind of failure."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import ReadOnlyRecords, page_url, state_label, stepwise_view, titles
from product_imagery.admin.small_copies import small_copy_view
from product_imagery.admin.visibility import visible
from product_imagery.flows.results import standing
from product_imagery.models import EnhancementItem, ResultImage
from product_imagery.states import Publication


class ResultInline(ReadOnlyRecords, admin.TabularInline):  # type: ignore[type-arg]
    """Results of an item."""

    model = ResultImage
    extra = 0
    can_delete = False
    fields = ("picture", "confidence", "warnings", "report", "review", "reviewed_by", "shown", "publication_note")
    readonly_fields = fields

    @admin.display(description=_("publication"))
    def shown(self, result: ResultImage) -> str:
        publication = standing.publications([result])[result.pk]
        if publication == Publication.NONE and result.publication == Publication.PUBLISHED:
            return gettext("was published, but something else stands on the product now")
        return str(publication.label)

    @admin.display(description=_("picture"))
    def picture(self, result: ResultImage) -> SafeString:
        link = '<a href="{}"><img src="{}" alt="{}" class="imagery-thumb"></a>'
        return format_html(link, result.image.url, result.thumbnail.url, result)


@admin.register(EnhancementItem)
class EnhancementItemAdmin(ReadOnlyRecords, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only list and pages of items."""

    list_display = ("label", "link", "state", "error_message", "finished_at")
    list_filter = ("status", "error_code", "enhancement__operation", ("content_type", admin.RelatedOnlyFieldListFilter))
    search_fields = ("label", "=object_id", "source_name")
    inlines = (ResultInline,)
    for_operators = True
    exclude = ("work_key", "active_key", "job")

    class Media:
        css = {"all": ("product_imagery/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[EnhancementItem]:
        """Leave out the products that the shop hides from the person."""
        return visible(request, self.admin_site, super().get_queryset(request)).prefetch_related(titles())

    def get_urls(self) -> list[URLPattern]:
        """Add the small copies of the files of products."""
        small = stepwise_view(self.admin_site, self._small_copy_view, cacheable=True)
        return [path("small-copy/", small, name="product_imagery_small_copy"), *super().get_urls()]

    def _small_copy_view(self, request: HttpRequest) -> HttpResponse:
        return small_copy_view(request, self.admin_site)

    @admin.display(description=_("enhancement"), ordering="enhancement")
    def link(self, item: EnhancementItem) -> SafeString:
        page = page_url(self.admin_site, "enhancement_change", item.enhancement_id)
        return format_html('<a href="{}">{}</a>', page, item.enhancement)

    @admin.display(description=_("status"), ordering="status")
    def state(self, item: EnhancementItem) -> SafeString:
        return state_label(item.status, item.get_status_display())
