"""Admin of collections: named sets of results, filled from enhancements, renamed, and downloaded as one archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.handlers.asgi import ASGIRequest
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import number_in, page_url, stepwise_view, user_of
from product_imagery.admin.visibility import visible, visible_enhancements
from product_imagery.history import record
from product_imagery.models import Collection, CollectionEntry, Enhancement, ResultImage
from product_imagery.states import Review
from product_imagery.storage import archive
from product_imagery.storage.store import results_storage

_SHOWN, _OFFERED = 60, 50  #: pictures on a page; enhancements to add from


def _add_from(enhancements: QuerySet[Enhancement]) -> forms.Field:
    return forms.ModelChoiceField(
        enhancements,
        label=_("Add the approved pictures of"),
        required=False,
        help_text=_("Pictures that are in the collection already are not added twice."),
    )


class CollectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name of a collection, and the enhancement whose approved results are added."""

    add_from = _add_from(Enhancement.objects.none())

    class Meta:
        model = Collection
        fields = ("name",)


@admin.register(Collection)
class CollectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """List and form of collections; deleting one deletes no result."""

    form = CollectionForm
    list_display = ("name", "owner", "is_test", "total", "created_at")
    list_filter = ("is_test", "created_at")
    list_select_related = ("owner",)
    search_fields = ("name",)
    readonly_fields = ("owner", "is_test", "content", "created_at")

    class Media:
        css = {"all": ("product_imagery/admin.css", "product_imagery/product.css")}

    def get_urls(self) -> list[URLPattern]:
        """Add the download."""
        view = stepwise_view(self.admin_site, self._download_view)
        return [path("<int:pk>/download/", view, name="product_imagery_collection_download"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """Annotate the sizes in the same query."""
        rows: QuerySet[Collection] = super().get_queryset(request)
        return rows.annotate(pictures=Count("entries"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the pictures of a collection that exists; offer to add some to those who may change it."""
        may_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        asked = ("name", "add_from") if may_edit else ("name",)
        return [
            (None, {"fields": asked}),
            *([(_("Pictures"), {"fields": ("content", "owner", "is_test", "created_at")})] if obj else []),
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Offer the latest enhancements that the person may see."""
        rows = Enhancement.objects.filter(is_test=bool(obj and obj.is_test), results__review=Review.APPROVED)
        latest = visible_enhancements(request, self.admin_site, rows).order_by("-pk").distinct()
        keys = list(latest.values_list("pk", flat=True)[:_OFFERED])
        offered = _add_from(Enhancement.objects.titled().filter(pk__in=keys))
        kwargs["form"] = type("CollectionForm", (CollectionForm,), {"add_from": offered, "__module__": __name__})
        return super().get_form(request, obj, change, **kwargs)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Remember with the collection for whom it is shown: it shows the pictures that this person may see."""
        collection: Any = super().get_object(request, object_id, from_field)
        if collection is not None:
            collection._imagery_request = request
        return collection

    def save_model(self, request: HttpRequest, obj: Collection, form: Any, change: bool) -> None:
        """Save a collection of this person, and add the results that the form names."""
        if not change:
            obj.owner_id = user_of(request).pk
        super().save_model(request, obj, form, change)
        if change:
            self._rearrange(request, obj)
        chosen = form.cleaned_data.get("add_from")
        if chosen:
            self._add(request, obj, chosen)

    def _rearrange(self, request: HttpRequest, collection: Collection) -> None:
        """Remove the results that are ticked, and move those whose place was changed."""
        shown = set(self._results(request, collection).values_list("pk", flat=True))
        removed = {number_in(value) for value in request.POST.getlist("remove")} & shown
        collection.entries.filter(result__in=removed).delete()
        if removed:
            text = ngettext("%(n)s picture was removed.", "%(n)s pictures were removed.", len(removed))
            text %= {"n": len(removed)}
            messages.info(request, text)
            record(user_of(request), {collection: text})
        places = {pk: place for pk, place in _moved(request.POST).items() if pk in shown - removed}
        if places:
            collection.move(places)
            record(user_of(request), {collection: gettext("The order was changed.")})

    def _add(self, request: HttpRequest, collection: Collection, enhancement: Enhancement) -> None:
        results = self._visible(request, enhancement.results.filter(review=Review.APPROVED, is_test=collection.is_test))
        new = results.exclude(pk__in=collection.results.values("pk")).order_by("pk").values_list("pk", flat=True)
        entries = [CollectionEntry(collection=collection, result_id=pk) for pk in new]
        CollectionEntry.objects.bulk_create(entries, batch_size=500, ignore_conflicts=True)
        text = ngettext("%(n)s picture was added.", "%(n)s pictures were added.", len(entries)) % {"n": len(entries)}
        messages.info(request, text)

    def _results(self, request: HttpRequest, collection: Collection) -> Any:
        return self._visible(request, collection.arranged())

    def _visible(self, request: HttpRequest, results: Any) -> Any:
        """Leave out results of products that the shop hides from the person."""
        return visible(request, self.admin_site, results, "item__")

    @admin.display(description=_("pictures"), ordering="pictures")
    def total(self, collection: Any) -> int:
        return int(collection.pictures)

    @admin.display(description=_("pictures"))
    def content(self, collection: Any) -> SafeString | str:
        request = getattr(collection, "_imagery_request", None)
        if request is None:
            return "–"
        results = self._results(request, collection)
        page = Paginator(results.select_related("item"), _SHOWN).get_page(request.GET.get("page"))
        facts = {
            "page": page,
            "query": "?",
            "results": list(enumerate(page, start=page.start_index())),
            "total": page.paginator.count,
            "may_edit": self.has_change_permission(request, collection),
            "url": page_url(self.admin_site, "collection_download", collection.pk),
        }
        return render_to_string("admin/product_imagery/collection_content.html", facts, request)

    def _download_view(self, request: HttpRequest, pk: int) -> Any:
        """Send the pictures of a collection as one archive."""
        collection = self.get_object(request, str(pk))
        if collection is None or not self.has_view_or_change_permission(request, collection):
            raise Http404("There is no such collection.")
        members = _members(self._results(request, collection))
        packed = archive.Archive(results_storage(), members)
        sent = aiter(packed) if isinstance(request, ASGIRequest) else iter(packed)
        response = StreamingHttpResponse(sent, content_type="application/zip")
        response["Content-Length"] = str(len(packed))
        name = slugify(collection.name) or "collection"
        response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
        return response


def _moved(form: Mapping[str, str]) -> dict[int, int]:
    """Return the new places by primary key of the result, of those whose place differs from the one that was shown."""
    found = {}
    for name, value in form.items():
        kind, *numbers = name.split("-")
        keys, place = [number_in(number) for number in numbers], number_in(value)
        if kind == "place" and len(keys) == 2 and keys[0] and place and place != keys[1]:
            found[keys[0]] = place
    return found


def _members(results: QuerySet[ResultImage]) -> list[archive.Member]:
    rows = results.values_list("item__label", "image", "size")
    return [
        archive.Member(archive.member_name(number, label, image), image, size)
        for number, (label, image, size) in enumerate(rows, start=1)
    ]
