"""Admin of provider jobs, with the decisions that only a person can make."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from product_imagery import history
from product_imagery.admin.base import (
    ReadOnlyRecords,
    back_after_login,
    errors_as_messages,
    explain_denials,
    number_in,
    page_url,
    state_label,
    stepwise_view,
    user_of,
)
from product_imagery.admin.decisions import Decisions
from product_imagery.admin.permissions import SEE_MONEY, may, require
from product_imagery.admin.run import NOT_WHOLE, candidate_picture, decision
from product_imagery.admin.visibility import sees_all, visible_jobs
from product_imagery.flows.enhancements import reconcile
from product_imagery.models import ProviderJob
from product_imagery.states import JobState


@admin.register(ProviderJob)
class ProviderJobAdmin(Decisions, ReadOnlyRecords, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only, except for decisions about requests whose responses were lost."""

    list_display = ("__str__", "credential", "coloured_state", "remote_id", "note", "cost", "created_at")
    list_filter = ("state", "provider", "credential")
    list_select_related = ("credential",)
    search_fields = ("=remote_id", "=uuid", "items__label")
    fields = (
        "enhancement_link", "credential", "provider", "operation", "options", "state", "note", "remote_id",
        "remote_status", "attempts", "consecutive_failures", "collectable", "cost", "created_at", "sent_at",
        "intent_at", "accepted_at", "due_at", "finished_at", "decided_by", "decision",
    )  # fmt: skip
    readonly_fields = ("enhancement_link",)
    actions = ("send_again_selected", "give_up_selected")
    steps = ("decide_providerjob",)
    for_operators = True
    change_form_template = "admin/product_imagery/job.html"

    class Media:
        css = {"all": ("product_imagery/admin.css", "product_imagery/run.css")}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderJob]:
        """Leave out the jobs of products that the shop hides from the person."""
        return visible_jobs(request, self.admin_site, super().get_queryset(request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Show costs to those who may see the ledger."""
        return _without_cost(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Show the cost to those who may see the ledger."""
        return _without_cost(request, super().get_fields(request, obj))

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of the decision and of the pictures of candidates."""
        decide = self.admin_site.admin_view(explain_denials(self.admin_site, require_POST(self._decide)))
        decide = back_after_login(self.admin_site, decide, self._origin)
        candidate = stepwise_view(self.admin_site, require_GET(self._candidate), cacheable=True)
        return [
            path("<int:pk>/decide/", decide, name="product_imagery_providerjob_decide"),
            path("<int:pk>/candidate/", candidate, name="product_imagery_providerjob_candidate"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the choices to a job that waits for a decision."""
        job = self.get_object(request, object_id)
        stalled = job is not None and job.state == JobState.STALLED
        context = {"stalled": stalled, **(extra_context or {})}
        if job is not None and stalled:
            context["decision"] = decision(request, self.admin_site, job)
        return super().change_view(request, object_id, form_url, context)

    def _candidate(self, request: HttpRequest, pk: int) -> HttpResponse:
        return candidate_picture(self._to_decide(request, pk), request.GET.get("id", ""))

    def _to_decide(self, request: HttpRequest, pk: int) -> ProviderJob:
        """Return a job about which the person may decide. Raises ``PermissionDenied``, ``Http404``."""
        require(request, "decide_providerjob")
        job = get_object_or_404(self.get_queryset(request), pk=pk)
        if not sees_all(request, self.admin_site, job.items.all()):
            raise PermissionDenied(gettext(NOT_WHOLE))
        return job

    def _origin(self, request: HttpRequest, pk: int) -> str:
        """Return the address of the page on which the form of the decision stands."""
        enhancement = number_in(request.POST.get("enhancement"))
        page, key = ("enhancement_change", enhancement) if enhancement else ("providerjob_change", pk)
        return page_url(self.admin_site, page, key)

    def _decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = self._to_decide(request, pk)
        choice, remote_id = request.POST.get("choice", ""), request.POST.get("remote_id", "")
        if "candidate" in request.POST:
            choice, remote_id = "adopt", request.POST["candidate"]
        origin = HttpResponseRedirect(self._origin(request, pk))
        with errors_as_messages(request):
            if choice == "send_again":
                reconcile.send_again(job, user_of(request))
            elif choice == "adopt":
                reconcile.adopt(job, remote_id, user_of(request))
            elif choice == "give_up":
                reconcile.give_up(job, user_of(request))
            else:
                messages.error(request, gettext("Choose what became of the request."))
                return origin
            history.decided(user_of(request), [job])
            messages.success(request, gettext("Decided. A worker goes on with it."))
        return origin

    @admin.display(description=_("state"), ordering="state")
    def coloured_state(self, job: ProviderJob) -> SafeString:
        return state_label(job.state, job.get_state_display())

    @admin.display(description=_("enhancement"))
    def enhancement_link(self, job: ProviderJob) -> SafeString:
        page = page_url(self.admin_site, "enhancement_change", job.enhancement_id)
        return format_html('<a href="{}">{}</a>', page, job.enhancement)


def _without_cost(request: HttpRequest, names: Any) -> list[Any]:
    return [name for name in names if name != "cost" or may(request, SEE_MONEY)]
