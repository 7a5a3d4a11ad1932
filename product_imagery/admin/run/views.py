"""The run page: how an enhancement moves, why it waits, what failed, and what needs a decision.

The page consists of parts. A poll names the versions of those that it shows and gets the ones that have changed.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Count, Max, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from product_imagery import history
from product_imagery.admin.base import PART_HEADER, number_in, page_url, render_page
from product_imagery.admin.left_out import left_out_rows
from product_imagery.admin.permissions import SEE_MONEY, may, missing
from product_imagery.admin.run import failure_advice
from product_imagery.admin.run.lost_calls import decision
from product_imagery.admin.run.tiles import FILTERS, changed_tiles, filtered, page_of, tiles_of
from product_imagery.admin.visibility import visible, visible_jobs
from product_imagery.flows.enhancements import reconcile
from product_imagery.flows.enhancements.pace import pace_of
from product_imagery.flows.worker.waiting import Code, Reason, reasons
from product_imagery.models import CreditEntry, Enhancement, LeftOut, ResultImage
from product_imagery.states import ItemStatus, JobState, Publication, Review

_PARTS = ("summary", "decisions", "problems", "notes", "filters")
_DECISIONS = 10  #: lost calls that are shown at once
_REFUSALS = 10  #: reasons against publications that are named
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"')


class RunPage:
    """The figures of one enhancement, as one person may see them."""

    def __init__(self, request: HttpRequest, site: AdminSite, enhancement: Any) -> None:
        self._request, self._site, self._enhancement = request, site, enhancement
        self._items: Any = visible(request, site, enhancement.items.all())

    def respond(self, template: str, **rights: bool) -> HttpResponse:
        """Return the page, or the part that a script asks for."""
        self._rights = rights
        part = self._request.GET.get("part", "")
        if part == "live":
            return self._live()
        if part == "tiles":
            return self._partial("tiles.html", self._grid())
        context = {
            **self._site.each_context(self._request),
            **self._common,
            **self._grid(),
            "parts": [self._part(name) for name in _PARTS],
            "title": str(self._enhancement),
            "opts": Enhancement._meta,
            "hides_banner": bool(self._reasons),
        }
        return render_page(self._request, self._site, template, context)

    def _live(self) -> HttpResponse:
        """Return the parts and tiles that differ from those that the page shows; status 204 if none does."""
        known = dict(pair.partition(":")[::2] for pair in self._request.GET.get("parts", "").split(","))
        parts = [self._part(name, known.get(name, "")) for name in _PARTS]
        tiles = changed_tiles(self._request, self._site, self._items, self._request.GET.get("tiles", ""))
        if not tiles and not any(parts):
            response = HttpResponse(status=204)
            response[PART_HEADER] = "live"
            return response
        return self._partial("live.html", {"parts": parts, "tiles": tiles, "replaces": True})

    def _partial(self, name: str, context: dict[str, Any]) -> HttpResponse:
        response = render_page(self._request, self._site, f"admin/product_imagery/run/{name}", context)
        response[PART_HEADER] = name
        response["Cache-Control"] = "no-store"
        return response

    def _part(self, name: str, known: str | None = None) -> SafeString:
        """Return one part as HTML; if ``known`` is given, one that replaces that version, or nothing if it is equal."""
        self._request.current_app = self._site.name  # type: ignore[attr-defined]
        context = {**self._common, **getattr(self, f"_{name}")()}
        body = render_to_string(f"admin/product_imagery/run/{name}.html", context, self._request)
        version = hashlib.sha256(_TOKEN.sub("", body).encode()).hexdigest()[:12]
        if version == known:
            return SafeString("")
        swap = "" if known is None else mark_safe(' hx-swap-oob="true"')
        frame = '<div id="run-{}" class="run-part" data-version="{}"{}>{}</div>'
        return format_html(frame, name, version, swap, mark_safe(body))  # noqa: S308  rendered by a template

    def _grid(self) -> dict[str, Any]:
        """Return a page of tiles; ``more`` is the query of the next one, also while items are still being made."""
        query = self._request.GET.copy()
        query.pop("part", None)
        chosen, reason, after = query.get("state", "all"), query.get("reason"), number_in(query.get("after")) or 0
        items, has_more = page_of(filtered(self._items, chosen, reason), after)
        query["after"] = str(items[-1].pk if items else after)
        return {
            "tiles": tiles_of(self._request, self._site, items),
            "more": query.urlencode() if has_more or self._enhancement.preparing else "",
            "has_more": has_more,
            "chosen": chosen,
            "is_continued": bool(after),
            "enhancement": self._enhancement,
        }

    @cached_property
    def _common(self) -> dict[str, Any]:
        """Facts that several parts need."""
        found = self._enhancement
        published = self._results
        sees_money = may(self._request, SEE_MONEY) or found.actor_id == self._request.user.pk
        return {
            "enhancement": found,
            "is_active": found.is_active or bool(published["publishing"]),
            "ended": found.total - found.open - found.stalled,
            "sees_money": sees_money,
            **self._rights,
            **published,
        }

    @cached_property
    def _results(self) -> dict[str, int]:
        """Return the numbers of pictures by review and publication."""
        mine = ResultImage.objects.filter(enhancement=self._enhancement)
        results = visible(self._request, self._site, mine, "item__")
        approved = results.filter(review=Review.APPROVED).order_by().values_list("publication")
        number = dict(approved.annotate(n=Count("item", distinct=True)).values_list("publication", "n"))
        return {
            "review": self._items.to_review().count() if self._enhancement.completed else 0,
            "approved": number.get(Publication.NONE, 0),
            "publishing": number.get(Publication.WAITING, 0),
            "published": number.get(Publication.PUBLISHED, 0),
            "conflict": number.get(Publication.CONFLICT, 0),
        }

    @cached_property
    def _reasons(self) -> list[Reason]:
        found = self._enhancement
        waits = found.open or found.preparing or self._results["publishing"]
        return reasons(found, self._items) if waits else []

    def _summary(self) -> dict[str, Any]:
        found, numbers = self._enhancement, self._common
        stands = [reason for reason in self._reasons if reason.stands_still]
        pace = None if stands else pace_of(found)
        resume = may(self._request, "change_providercredential")
        return {
            "pace": pace,
            "reasons": [(reason, resume and reason.code == Code.PAUSED) for reason in self._reasons],
            "opens_account": may(self._request, "view_providercredential") or resume,
            "money": self._money() if numbers["sees_money"] else None,
            "sentence": _sentence(found, numbers, pace, self._reasons),
            "lacking": missing(self._request, "cancel_enhancement", "start_enhancement"),
            "versions": self._versions_page(),
            "free": self._free(),
        }

    def _versions_page(self) -> str:
        """Return the address of the published versions of this enhancement, for those who may put pictures back."""
        if not self._results["published"] or not may(self._request, "restore_imageversion"):
            return ""
        return f"{page_url(self._site, 'imageversion_changelist')}?enhancement={self._enhancement.pk}"

    def _filters(self) -> dict[str, Any]:
        found, chosen = self._enhancement, self._request.GET.get("state", "all")
        counts = {"all": found.total, "open": found.open - found.unprepared, "cancelled": found.cancelled}
        counts |= {"stalled": found.stalled, "failed": found.failed} | self._results
        shown = [
            (name, label, counts[name]) for name, label in FILTERS.items() if counts[name] or name in ("all", chosen)
        ]
        return {"filters": [(*one, one[0] == chosen) for one in shown]}

    def _free(self) -> str:
        count = self._items.to_collect().count() if self._enhancement.failed else 0
        return history.free_sentence(count) if count else ""

    def _money(self) -> dict[str, Any] | None:
        """Return the amounts that are reserved and used; ``None`` where nothing costs anything."""
        ended = Q(job__finished_at__isnull=False)
        sums = CreditEntry.objects.filter(enhancement=self._enhancement).aggregate(
            used=Sum("amount", filter=ended), reserved=Sum("amount", filter=~ended)
        )
        preparation = getattr(self._enhancement, "preparation", None) if self._enhancement.preparing else None
        reserved = (sums["reserved"] or Decimal(0)) + (preparation.reserved if preparation else 0)
        used = sums["used"] or Decimal(0)
        budget = self._enhancement.budget
        unit = self._enhancement.credential.declared.currency
        shown = bool(reserved or used or budget is not None)
        return {"reserved": reserved, "used": used, "budget": budget, "unit": unit} if shown else None

    def _decisions(self) -> dict[str, Any]:
        if not self._enhancement.stalled:
            return {"jobs": []}
        stalled = reconcile.stalled().filter(enhancement=self._enhancement)
        jobs = visible_jobs(self._request, self._site, stalled).order_by("pk")
        shown = list(jobs[:_DECISIONS])
        listed = f"?state__exact={JobState.STALLED}&enhancement__id__exact={self._enhancement.pk}"
        return {
            "jobs": [decision(self._request, self._site, job) for job in shown],
            "more_jobs": jobs.count() - len(shown) if len(shown) == _DECISIONS else 0,
            "jobs_page": page_url(self._site, "providerjob_changelist") + listed,
            "lacking_decision": missing(self._request, "decide_providerjob"),
        }

    def _problems(self) -> dict[str, Any]:
        if not self._enhancement.failed:
            return {"groups": []}
        failed = self._items.filter(status=ItemStatus.FAILED).order_by().values("error_code")
        free = Count("pk", filter=Q(job__collectable=True))
        groups = failed.annotate(number=Count("pk"), message=Max("error_message"), free=free).order_by("-number")
        return {"groups": [(group, failure_advice.advice(group["error_code"])) for group in groups]}

    def _left_out_address(self) -> str:
        """Return the address of the page with names, without the reason; empty where only numbers are known."""
        if not LeftOut.objects.filter(pk=self._enhancement.pk).exists():
            return ""
        return page_url(self._site, "enhancement_left_out", self._enhancement.pk) + "?reason="

    def _notes(self) -> dict[str, Any]:
        found = self._enhancement
        held = self._items.held_back().count() if found.auto_approve and found.completed else 0
        return {
            "left_out": left_out_rows(found.omitted, self._left_out_address() if found.omitted else ""),
            "left_out_total": sum(found.omitted.values()),
            "refusals": list(self._refusals()) if self._results["conflict"] else [],
            "refused_page": page_url(self._site, "enhancement_review", found.pk) + "?show=refused",
            "held_back": held,
            "came_late": self._came_late(),
        }

    def _came_late(self) -> int:
        """Return the number of pictures that wait for a review and came in after the person had cancelled."""
        since = self._enhancement.cancelled_at
        return self._items.to_review().filter(finished_at__gt=since).count() if since else 0

    def _refusals(self) -> Any:
        """Return the reasons for which pictures could not be published, with their numbers, the most frequent first."""
        mine = ResultImage.objects.refused().filter(enhancement=self._enhancement)
        refused = visible(self._request, self._site, mine, "item__").order_by()
        counted = refused.values_list("publication_note").annotate(number=Count("item", distinct=True))
        return counted.order_by("-number", "publication_note")[:_REFUSALS]


def _sentence(found: Any, numbers: dict[str, Any], pace: Any, waiting: list[Reason]) -> str:
    """Return the state in one line, as a screen reader announces it."""
    parts = [gettext("%(ended)s of %(total)s done") % {"ended": numbers["ended"], "total": found.total}]
    if found.failed:
        parts.append(ngettext("%(n)s failed", "%(n)s failed", found.failed) % {"n": found.failed})
    if found.stalled:
        parts.append(ngettext("%(n)s needs a decision", "%(n)s need a decision", found.stalled) % {"n": found.stalled})
    if numbers["review"]:
        parts.append(ngettext("%(n)s to review", "%(n)s to review", numbers["review"]) % {"n": numbers["review"]})
    parts += [reason.sentence for reason in waiting if reason.stands_still]
    return ", ".join(parts)
