"""Admin of image versions, with the action that restores."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import ReadOnlyRecords, number_in
from product_imagery.admin.permissions import may
from product_imagery.admin.restoring import restore_all
from product_imagery.admin.small_copies import ListsSmallCopies, file_url, version_url
from product_imagery.admin.visibility import visible
from product_imagery.models import Enhancement, ImageVersion

_LISTED = 20  #: enhancements in the filter


class EnhancementFilter(admin.SimpleListFilter):
    """The latest enhancements of which pictures were published, and the one that is chosen."""

    title = _("enhancement")
    parameter_name = "enhancement"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return keys and titles in two queries, however many there are."""
        shown = model_admin.get_queryset(request).exclude(result=None).order_by("-result__enhancement")
        found = list(shown.values_list("result__enhancement", flat=True).distinct()[:_LISTED])
        chosen = self.value()
        if (key := number_in(chosen)) is not None:
            found = list(dict.fromkeys([key, *found]))
        titled = Enhancement.objects.titled().in_bulk(found)
        return [(str(pk), str(titled[pk])) for pk in found if pk in titled]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ImageVersion]) -> QuerySet[ImageVersion]:
        """Filter by the enhancement, if one is chosen that exists."""
        known = {str(key) for key, _title in self.lookup_choices}
        chosen = self.value()
        return queryset.filter(result__enhancement=int(chosen)) if chosen in known else queryset


@admin.register(ImageVersion)
class ImageVersionAdmin(ListsSmallCopies, ReadOnlyRecords, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only, except for the action that puts the earlier picture back."""

    list_display = ("label", "before", "after", "published_at", "published_by", "state")
    list_filter = (
        EnhancementFilter,
        "published_at",
        ("content_type", admin.RelatedOnlyFieldListFilter),
        ("restored_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("content_type", "published_by", "result")
    search_fields = ("label", "=object_id")
    actions = ("restore",)
    steps = ("restore_imageversion",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImageVersion]:
        """Leave out the products that the shop hides from the person."""
        return visible(request, self.admin_site, super().get_queryset(request))

    def has_restore_permission(self, request: HttpRequest) -> bool:
        """Return true for users who may put earlier pictures back."""
        return may(request, "restore_imageversion")

    @admin.action(description=_("Put the earlier picture back"), permissions=["restore"])
    def restore(self, request: HttpRequest, queryset: QuerySet[ImageVersion]) -> None:
        allowed = visible(request, self.admin_site, queryset, change=True).order_by("-pk")
        if allowed.count() < queryset.count():
            messages.warning(request, gettext("Pictures of products that you may not change were left as they are."))
        restore_all(request, allowed)

    @admin.display(description=_("before"))
    def before(self, version: ImageVersion) -> SafeString | str:
        if not version.before_name:
            return gettext("nothing: this picture is the first")
        return self._thumb(version, version.before_name, "before")

    @admin.display(description=_("after"))
    def after(self, version: ImageVersion) -> SafeString | str:
        return self._thumb(version, version.after_name, "after")

    @admin.display(description=_("state"))
    def state(self, version: ImageVersion) -> str:
        return gettext("taken back") if version.restored_at else gettext("published")

    def _thumb(self, version: ImageVersion, name: str, which: str) -> SafeString | str:
        """Return a link to a file of a product, with a small copy of it."""
        address = file_url(version.content_type_id, name, target=True)
        if not address:
            return name
        small = partial(version_url, site=self.admin_site, version=version, which=which)
        return self.linked_copy(address, small, name)
