"""Decisions about many lost requests at once, after a page that shows what they cost."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery import history
from product_imagery.admin.base import render_page, user_of
from product_imagery.admin.permissions import may
from product_imagery.admin.run import overview
from product_imagery.admin.visibility import jobs_seen_whole
from product_imagery.flows.enhancements import reconcile
from product_imagery.models import ProviderJob

_MOST = 900  #: a form of more fields is refused by Django


class Decisions:
    """Mixin for the admin of provider jobs that adds the two actions."""

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Return true for users who may decide about lost requests."""
        return may(request, "decide_providerjob")

    @admin.action(description=_("Send lost requests again (may cost again)"), permissions=["decide"])
    def send_again_selected(self, request: HttpRequest, queryset: QuerySet[ProviderJob]) -> TemplateResponse | None:
        return self._confirm(request, queryset, reconcile.SEND_AGAIN, "send_again_selected")

    @admin.action(description=_("Give up lost requests"), permissions=["decide"])
    def give_up_selected(self, request: HttpRequest, queryset: QuerySet[ProviderJob]) -> TemplateResponse | None:
        return self._confirm(request, queryset, reconcile.GIVE_UP, "give_up_selected")

    def _confirm(
        self, request: HttpRequest, queryset: QuerySet[ProviderJob], choice: str, action: str
    ) -> TemplateResponse | None:
        stalled = reconcile.stalled().filter(pk__in=queryset.values("pk")).order_by("pk")
        jobs = list(jobs_seen_whole(request, self.admin_site, stalled))  # type: ignore[attr-defined]
        left = stalled.count() - len(jobs)
        if left:
            messages.warning(request, _left_sentence(left))
        elif not jobs:
            messages.warning(request, gettext("None of these waits for a decision. Nothing was changed."))
        if not jobs:
            return None
        if len(jobs) > _MOST:
            sentence = gettext("These are more than %d: decide about them with the command imagery_decide.")
            messages.warning(request, sentence % _MOST)
        elif "confirmed" not in request.POST:
            return self._page(request, jobs, choice, action)
        else:
            self._decide_all(request, jobs, choice)
        return None

    def _page(self, request: HttpRequest, jobs: list[ProviderJob], choice: str, action: str) -> TemplateResponse:
        site: Any = self.admin_site  # type: ignore[attr-defined]
        facts = {
            "credentials": reconcile.summary(jobs),
            **overview(request, site, jobs),
            "pks": [job.pk for job in jobs],
            "choice": choice,
            "action": action,
        }
        title = (
            gettext("Send lost requests again") if choice == reconcile.SEND_AGAIN else gettext("Give up lost requests")
        )
        context = {**site.each_context(request), **facts, "title": title, "opts": ProviderJob._meta}
        return render_page(request, site, "admin/product_imagery/decide.html", context)

    def _decide_all(self, request: HttpRequest, jobs: list[ProviderJob], choice: str) -> None:
        done, refusals = reconcile.decide_all(jobs, choice, user_of(request))
        history.decided(user_of(request), done)
        for sentence in refusals:
            messages.warning(request, sentence)
        if done:
            text = ngettext(
                "Decided about %(n)s request. A worker goes on with it.",
                "Decided about %(n)s requests. A worker goes on with them.",
                len(done),
            )
            messages.success(request, text % {"n": len(done)})


def _left_sentence(number: int) -> str:
    text = ngettext(
        "%(n)s request is left as it is, and nothing is spent for it: you may not see all of its products. "
        "Somebody who may see them has to decide.",
        "%(n)s requests are left as they are, and nothing is spent for them: you may not see all of their products. "
        "Somebody who may see them has to decide.",
        number,
    )
    return text % {"n": number}
