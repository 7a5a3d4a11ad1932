"""The entry page “Product pictures”: what runs, what waits for a review, what needs a person, and 30 days in charts."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.contrib.admin import AdminSite
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import NoReverseMatch
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import page_url, render_page
from product_imagery.admin.permissions import SEE_MONEY, may, missing
from product_imagery.admin.tables import Echo, plain
from product_imagery.admin.visibility import visible, visible_enhancements, visible_jobs
from product_imagery.flows.statistics import Chart, credit_chart, item_charts, last_days
from product_imagery.flows.worker.waiting import Code, reasons
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob, ResultImage, WebhookDelivery
from product_imagery.models.db_time import from_now
from product_imagery.states import ACTIVE_ENHANCEMENTS, ItemStatus, JobState

_SHOWN = 10  #: enhancements in each list
_COLLECT_SECONDS = 30 * 86_400.0  #: for which pictures are offered that only have to be fetched
_SHOWN_REASONS = (
    *(Code.NO_WORKER, Code.PAUSED, Code.SWITCHED_OFF, Code.BUDGET, Code.COOLDOWN),
    *(Code.PUBLICATION, Code.MACHINE),
)
#: tables that a merchant does not need: page, permission, name
_TABLES = (
    ("enhancementitem", "view_enhancementitem", _("Items")),
    ("providerjob", "view_providerjob", _("Provider jobs")),
    ("creditentry", "view_creditentry", _("Credit entries")),
    ("imageversion", "view_imageversion", _("Image versions")),
    ("webhookdelivery", "view_webhookdelivery", _("Webhook deliveries")),
    ("eventdelivery", "view_eventdelivery", _("Event deliveries")),
    ("webhookendpoint", "view_webhookendpoint", _("Webhook endpoints")),
    ("apikey", "view_apikey", _("API keys")),
    ("upload", "view_upload", _("Uploaded pictures")),
    ("auditedpicture", "view_auditedpicture", _("Pictures outside marketplace rules")),
    ("workertrouble", "view_workertrouble", _("Troubles of workers")),
)


class HomePage:
    """The entry page, as one person may see it."""

    def __init__(self, request: HttpRequest, site: AdminSite) -> None:
        self._request, self._site = request, site
        self._items: Any = visible(request, site, EnhancementItem.objects.all())

    def respond(self) -> HttpResponse:
        """Return the page."""
        reviews, to_review = self._to_review()
        running = visible_enhancements(self._request, self._site, Enhancement.objects.all())
        running = running.filter(status__in=ACTIVE_ENHANCEMENTS)
        context = {
            **self._site.each_context(self._request),
            "title": gettext("Product pictures"),
            "opts": Enhancement._meta,
            "running": self._with_ended(running),
            "running_count": running.count(),
            "reviews": reviews,
            "to_review": to_review,
            "review_all": _address(self._site, "enhancement_review"),
            "needs": list(self._needs()),
            "charts": [_drawn(chart) for chart in self.charts()],
            "tables": [
                (page_url(self._site, f"{page}_changelist"), name)
                for page, permission, name in _TABLES
                if may(self._request, permission)
            ],
            "hides_banner": True,
        }
        return render_page(self._request, self._site, "admin/product_imagery/home.html", context)

    def _with_ended(self, running: Any) -> list[Any]:
        """Return the newest of these enhancements with the numbers of their pictures that have ended."""
        rows = list(running.titled().with_progress()[:_SHOWN])
        for row in rows:
            row.ended = row.total - row.open - row.stalled
        return rows

    def charts(self) -> list[Chart]:
        """Return the charts that the person may see."""
        days = last_days()
        money = [credit_chart(days)] if may(self._request, SEE_MONEY) else []
        return [*item_charts(self._items, days), *money]

    def export(self, name: str) -> StreamingHttpResponse:
        """Return one chart as CSV. Raises ``Http404``."""
        chart = next((one for one in self.charts() if one.name == name), None)
        if chart is None:
            raise Http404(name)
        response = StreamingHttpResponse(_lines(chart), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return response

    def _to_review(self) -> tuple[list[tuple[Enhancement, int]], int]:
        """Return enhancements with the number of their pictures that wait for a review, newest first, and their sum."""
        unjudged = ResultImage.objects.to_review().filter(item__status=ItemStatus.COMPLETED)
        pending = visible(self._request, self._site, unjudged, "item__").order_by()
        counted = pending.values_list("enhancement").annotate(number=Count("item", distinct=True))
        numbers: dict[int, int] = dict(counted.values_list("enhancement", "number"))
        newest = sorted(numbers, reverse=True)[:_SHOWN]
        rows = Enhancement.objects.titled().in_bulk(newest)
        return [(rows[pk], numbers[pk]) for pk in newest if pk in rows], sum(numbers.values())

    def _needs(self) -> Iterator[dict[str, Any]]:
        """Yield what needs a person: a sentence, with the address or the button that helps."""
        resume = may(self._request, "change_providercredential")
        sees_credentials = resume or may(self._request, "view_providercredential")
        for reason in reasons(items=self._items):
            if reason.code in _SHOWN_REASONS:
                address = (
                    page_url(self._site, "providercredential_change", reason.credential) if reason.credential else ""
                )
                yield {
                    "sentence": reason.sentence,
                    "count": reason.count,
                    "advice": reason.advice,
                    "resume": reason.credential if resume and reason.code == Code.PAUSED else None,
                    "address": address if sees_credentials else "",
                    "button": gettext("Look at the account"),
                }
        yield from self._stalled()
        yield from self._conflicts()
        yield from self._to_collect()
        yield from self._unprocessed_calls()

    def _stalled(self) -> Iterator[dict[str, Any]]:
        stalled = ProviderJob.objects.filter(state=JobState.STALLED)
        for row, number in _newest(visible_jobs(self._request, self._site, stalled), Count("pk")):
            text = ngettext(
                "%(title)s: %(n)s lost call needs a decision.",
                "%(title)s: %(n)s lost calls need a decision.",
                number,
            )
            yield {
                "sentence": text % {"title": row, "n": number},
                "address": page_url(self._site, "enhancement_change", row.pk) + "#run-decisions",
                "button": gettext("Decide"),
                "lacking": missing(self._request, "decide_providerjob"),
            }

    def _conflicts(self) -> Iterator[dict[str, Any]]:
        refused = ResultImage.objects.lately_refused()
        results = visible(self._request, self._site, refused, "item__")
        for row, number in _newest(results, Count("item", distinct=True)):
            text = ngettext(
                "%(title)s: %(n)s picture could not be published.",
                "%(title)s: %(n)s pictures could not be published.",
                number,
            )
            yield {
                "sentence": text % {"title": row, "n": number},
                "address": page_url(self._site, "enhancement_review", row.pk) + "?show=refused",
                "button": gettext("Look at them"),
            }

    def _to_collect(self) -> Iterator[dict[str, Any]]:
        """Yield enhancements with failed pictures that the provider has after all."""
        items = self._items.to_collect().filter(finished_at__gte=from_now(-_COLLECT_SECONDS))
        for row, number in _newest(items, Count("pk")):
            text = ngettext(
                "%(title)s: %(n)s picture is made and paid for, and only has to be fetched.",
                "%(title)s: %(n)s pictures are made and paid for, and only have to be fetched.",
                number,
            )
            yield {
                "sentence": text % {"title": row, "n": number},
                "address": page_url(self._site, "enhancement_change", row.pk) + "#run-problems",
                "button": gettext("Fetch them"),
                "lacking": missing(self._request, "cancel_enhancement", "start_enhancement"),
            }

    def _unprocessed_calls(self) -> Iterator[dict[str, Any]]:
        if not may(self._request, "view_webhookdelivery"):
            return
        count = WebhookDelivery.objects.set_aside().count()
        if count:
            text = ngettext(
                "%(n)s call of a provider could not be processed.",
                "%(n)s calls of providers could not be processed.",
                count,
            )
            yield {
                "sentence": text % {"n": count},
                "address": page_url(self._site, "webhookdelivery_changelist") + "?set_aside_at__isempty=0",
                "button": gettext("Process them again"),
            }


def _address(site: AdminSite, page: str) -> str:
    """Return the URL of a page, or an empty string if this version has none."""
    try:
        return page_url(site, page)
    except NoReverseMatch:
        return ""


def _drawn(chart: Chart) -> dict[str, Any]:
    """Return a chart with its data as JSON, for the script that draws it."""
    facts = {
        "days": chart.days,
        "series": [{"label": one.label, "values": one.values, "limit": one.is_limit} for one in chart.series],
        "unit": chart.unit,
        "stack": chart.is_stack,
        "day": gettext("day"),
    }
    rows = [row for row in chart.rows() if any(value for value in row[1:])]
    return {"chart": chart, "json": json.dumps(facts, cls=DjangoJSONEncoder), "rows": rows[::-1]}


def _lines(chart: Chart) -> Iterator[str]:
    writer: Any = csv.writer(Echo())
    yield writer.writerow([gettext("day"), *(plain(one.label) for one in chart.series)])
    for row in chart.rows():
        yield writer.writerow(["" if value is None else value for value in row])


def _newest(rows: QuerySet[Any], count: Count) -> Iterator[tuple[Enhancement, int]]:
    """Yield the newest enhancements of some rows, each with what is counted of its rows, in two queries."""
    counted = rows.order_by().values_list("enhancement").annotate(number=count)
    numbers = dict(counted.values_list("enhancement", "number"))
    titled = Enhancement.objects.titled().in_bulk(sorted(numbers, reverse=True)[:_SHOWN])
    for pk, enhancement in titled.items():
        yield enhancement, numbers[pk]
