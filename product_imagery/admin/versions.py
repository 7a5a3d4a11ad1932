"""Admin of image versions, with the action that restores."""

from __future__ import annotations

from functools import partial

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery import history
from product_imagery.admin.base import ReadOnlyRecords, for_each, user_of
from product_imagery.admin.permissions import may
from product_imagery.admin.visibility import visible
from product_imagery.exceptions import ImageryError
from product_imagery.flows.results import publish
from product_imagery.models import ImageVersion
from product_imagery.products import description_for


@admin.register(ImageVersion)
class ImageVersionAdmin(ReadOnlyRecords, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only, except for the action that puts the earlier picture back."""

    list_display = ("label", "before", "after", "published_at", "published_by", "state")
    list_filter = (
        "published_at",
        ("content_type", admin.RelatedOnlyFieldListFilter),
        ("restored_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("content_type", "published_by")
    search_fields = ("label", "=object_id")
    actions = ("restore",)
    steps = ("restore_imageversion",)

    class Media:
        css = {"all": ("product_imagery/admin.css",)}

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
        person = user_of(request)
        step, record = partial(publish.restore, actor=person), partial(history.restored, person)
        count = len(for_each(request, step, allowed.select_related("result__enhancement"), record))
        if count:
            messages.success(request, history.restored_sentence(count))

    @admin.display(description=_("before"))
    def before(self, version: ImageVersion) -> SafeString | str:
        return _thumb(version, version.before_name)

    @admin.display(description=_("after"))
    def after(self, version: ImageVersion) -> SafeString | str:
        return _thumb(version, version.after_name)

    @admin.display(description=_("state"))
    def state(self, version: ImageVersion) -> str:
        return gettext("taken back") if version.restored_at else gettext("published")


def _thumb(version: ImageVersion, name: str) -> SafeString | str:
    if not name:
        return gettext("no picture")
    try:
        address = description_for(version.content_type_id).target_storage.url(name)
    except (ImageryError, ValueError, NotImplementedError):
        return name
    return format_html(
        '<a href="{}"><img src="{}" alt="{}" class="imagery-thumb" loading="lazy"></a>', address, address, name
    )
