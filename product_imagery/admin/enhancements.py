"""Admin of enhancements: list, progress page, and the URL of the review page."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery import history
from product_imagery.admin.base import (
    ReadOnlyRecords,
    errors_as_messages,
    for_each,
    number_in,
    page_url,
    redirect_to_page,
    state_label,
    stepwise_view,
    user_of,
)
from product_imagery.admin.home import HomePage
from product_imagery.admin.left_out import left_out_page
from product_imagery.admin.permissions import may, require
from product_imagery.admin.review import review_page, ticks_in_address
from product_imagery.admin.run import RunPage
from product_imagery.admin.visibility import sees_all, visible, visible_enhancements
from product_imagery.exceptions import StateError
from product_imagery.flows.enhancements import cancel, retry
from product_imagery.flows.hosted import credentials
from product_imagery.models import Enhancement, EnhancementItem, LeftOut, ProviderCredential


@admin.register(Enhancement)
class EnhancementAdmin(ReadOnlyRecords, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only list and progress page; buttons and actions make the changes."""

    list_display = ("__str__", "number", "progress", "state", "actor", "created_at", "finished_at")
    list_filter = ("status", "operation", "preset", "channel", "created_at")
    sortable_by = ("number", "state", "actor", "created_at", "finished_at")
    search_fields = ("items__label",)
    search_help_text = _("Product name")
    date_hierarchy = "created_at"
    actions = ("cancel_selected", "retry_selected")
    steps = ("cancel_enhancement", "start_enhancement")
    change_form_template = "admin/product_imagery/run/page.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enhancement]:
        """Annotate the figures of all rows in one query."""
        rows = Enhancement.objects.titled().with_progress().select_related("actor")  # ``titled`` fetches the preset
        return visible_enhancements(request, self.admin_site, rows)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Enhancement], search_term: str
    ) -> tuple[QuerySet[Enhancement], bool]:
        """Search the names of the products that the person may see."""
        for term in search_term.split():
            named = EnhancementItem.objects.filter(enhancement=OuterRef("pk"), label__icontains=term)
            queryset = queryset.filter(Exists(visible(request, self.admin_site, named)))
        return queryset, False

    @admin.display(description=_("number"), ordering="pk")
    def number(self, enhancement: Enhancement) -> str:
        return f"#{enhancement.pk}"

    @admin.display(description=_("progress"))
    def progress(self, enhancement: Any) -> SafeString:
        done = enhancement.total - enhancement.open
        return format_html(
            '<progress max="{}" value="{}" aria-label="{}"></progress> {}/{}',
            enhancement.total,
            done,
            gettext("pictures ended"),
            done,
            enhancement.total,
        )

    @admin.display(description=_("status"), ordering="status")
    def state(self, enhancement: Any) -> SafeString:
        notes = []
        if enhancement.failed:
            text = ngettext("%(n)s failed", "%(n)s failed", enhancement.failed)
            notes.append(text % {"n": enhancement.failed})
        if enhancement.stalled:
            text = ngettext("%(n)s needs a decision", "%(n)s need a decision", enhancement.stalled)
            notes.append(text % {"n": enhancement.stalled})
        notes += [gettext("being prepared")] if enhancement.preparing else []
        state = state_label(enhancement.status, enhancement.get_status_display())
        shown = format_html("{} {}", state, ", ".join(notes))
        if not enhancement.refused:
            return shown
        text = ngettext("%(n)s not published", "%(n)s not published", enhancement.refused) % {"n": enhancement.refused}
        address = f"{page_url(self.admin_site, 'enhancement_review', enhancement.pk)}?show=refused"
        return format_html('{} <a href="{}">{}</a>', shown, address, text)

    @admin.action(description=_("Cancel pictures that have not begun"), permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Enhancement]) -> None:
        for_each(request, partial(self._cancel, request), queryset)

    @admin.action(description=_("Try failed pictures again"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Enhancement]) -> None:
        for_each(request, partial(self._retry, request), queryset)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Return true for users who may cancel enhancements."""
        return may(request, "cancel_enhancement")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Require the permission to start as well: a retry may be charged again."""
        return self.has_cancel_permission(request) and may(request, "start_enhancement")

    def get_urls(self) -> list[URLPattern]:
        """Add the entry page and the review page to Django's own."""
        review = stepwise_view(self.admin_site, self.review, ticks_in_address)
        views = (self.change_view, self.home, self.home_csv, self.left_out)
        change, home, home_csv, left_out = (stepwise_view(self.admin_site, view) for view in views)
        own = [
            path("home/", home, name="product_imagery_home"),
            path("home/<slug:chart>.csv", home_csv, name="product_imagery_home_csv"),
            path("<int:pk>/review/", review, name="product_imagery_enhancement_review"),
            path("review/", review, name="product_imagery_enhancement_review"),
            path("<int:pk>/left-out/", left_out, name="product_imagery_enhancement_left_out"),
            path("<path:object_id>/change/", change, name="product_imagery_enhancement_change"),
        ]
        return own + super().get_urls()

    def home(self, request: HttpRequest) -> HttpResponse:
        """Show the entry page; its buttons post to it."""
        self._require_view(request)
        if request.method == "POST":
            require(request, "change_providercredential")
            key = number_in(request.POST.get("resume")) or 0
            resume_paused(request, ProviderCredential.objects.filter(pk=key))
            return redirect_to_page(self.admin_site, "home")
        return HomePage(request, self.admin_site).respond()

    def home_csv(self, request: HttpRequest, chart: str) -> Any:
        """Return one chart of the entry page as CSV."""
        self._require_view(request)
        return HomePage(request, self.admin_site).export(chart)

    def review(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Show the review page, of one enhancement or of all."""
        return review_page(request, pk, self.admin_site)

    def left_out(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Name the products that an enhancement left out."""
        self._require_view(request)
        enhancement = self.get_queryset(request).filter(pk=pk).first()
        if enhancement is None:
            raise Http404("There is no such enhancement.")
        found = LeftOut.objects.filter(pk=pk).first()
        about = {"title": gettext("Left out"), "opts": self.opts, "back_title": str(enhancement)}
        about["back"] = page_url(self.admin_site, "enhancement_change", pk)
        return left_out_page(request, self.admin_site, found.pictures if found else {}, about)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the progress page, to which its buttons post."""
        self._require_view(request)
        enhancement = self.get_object(request, object_id)
        if enhancement is None or not self.has_view_permission(request, enhancement):
            return super().change_view(request, object_id, form_url, extra_context)
        if request.method == "POST":
            self._carry_out(request, enhancement)
            return redirect_to_page(self.admin_site, "enhancement_change", enhancement.pk)
        rights = {"may_cancel": self.has_cancel_permission(request), "may_retry": self.has_retry_permission(request)}
        return RunPage(request, self.admin_site, enhancement).respond(self.change_form_template, **rights)

    def _carry_out(self, request: HttpRequest, enhancement: Enhancement) -> None:
        """Carry out the button that was pressed. Raises ``PermissionDenied``."""
        if "resume" in request.POST:
            require(request, "change_providercredential")
            resume_paused(request, ProviderCredential.objects.filter(pk=enhancement.credential_id))
            return
        require(request, "cancel_enhancement")
        with errors_as_messages(request):
            if "cancel" in request.POST:
                self._cancel(request, enhancement)
            elif "retry" in request.POST or "retry_reason" in request.POST:
                require(request, "start_enhancement")
                self._retry(request, enhancement, request.POST.get("retry_reason"))

    def _require_all(self, request: HttpRequest, enhancement: Enhancement) -> None:
        """Raise ``StateError`` if the enhancement has products that the person may not see."""
        if not sees_all(request, self.admin_site, enhancement.items.all()):
            raise StateError(
                gettext("It contains products that you may not see: somebody who may see them has to do this.")
            )

    def _cancel(self, request: HttpRequest, enhancement: Enhancement) -> None:
        """Cancel the enhancement and show a sentence about it. Raises ``ImageryError``."""
        self._require_all(request, enhancement)
        count = cancel.cancel(enhancement)
        messages.success(request, history.cancelled(user_of(request), enhancement, count))

    def _retry(self, request: HttpRequest, enhancement: Enhancement, reason: str | None = None) -> None:
        """Retry the enhancement, or what failed for one reason, and show a sentence. Raises ``ImageryError``."""
        self._require_all(request, enhancement)
        collected = enhancement.items.to_collect()
        free = (collected if reason is None else collected.filter(error_code=reason)).count()
        count = retry.retry(enhancement, reason=reason)
        messages.success(request, history.retried(user_of(request), enhancement, count, free))


def resume_paused(request: HttpRequest, chosen: QuerySet[ProviderCredential]) -> None:
    """End the pause of those of these accounts that are paused, and show a sentence about each."""
    for credential in chosen.filter(paused_at__isnull=False):
        credentials.resume(credential)
        text = gettext("The account “%s” is used again.") % credential
        history.record(user_of(request), {credential: text})
        messages.success(request, text)
