"""The review page: the queue as a grid, one picture in large, and the responses to decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from product_imagery.admin.base import PART_HEADER, number_in, render_page
from product_imagery.admin.permissions import may, may_take_any_step, missing, require
from product_imagery.admin.review import steps
from product_imagery.admin.review.another import Another
from product_imagery.admin.review.queue import PER_PAGE, STATES, Filter, Queue
from product_imagery.admin.review.tiles import Tile, tiles
from product_imagery.admin.small_copies import source_url
from product_imagery.admin.visibility import visible, visible_enhancements
from product_imagery.models import Enhancement, EnhancementItem
from product_imagery.states import OPEN_ITEMS

_TEMPLATES = "admin/product_imagery/review"
_MOST_TICKS = 100  #: that are kept in a URL


@dataclass(frozen=True)
class _Page:
    """One request to the review."""

    request: HttpRequest
    site: AdminSite
    enhancement: Enhancement | None
    queue: Queue

    @property
    def by_script(self) -> bool:
        """True if a script asks for a part of the page."""
        return self.request.headers.get("HX-Request") == "true" and "HX-Boosted" not in self.request.headers

    @property
    def address(self) -> str:
        """Path of the page with its filter and page number."""
        more = {"page": self.request.GET.get("page", "")} if number_in(self.request.GET.get("page")) else {}
        return self.request.path + self.queue.filter.query(**more)

    def render(self, template: str, context: dict[str, Any]) -> HttpResponse:
        """Render a template of the review; what scripts ask for is marked, since a login page is not."""
        shown = render_page(self.request, self.site, f"{_TEMPLATES}/{template}", self._common() | context)
        shown[PART_HEADER] = "review"
        shown["Vary"] = "HX-Request"
        return shown

    def _common(self) -> dict[str, Any]:
        filter_ = self.queue.filter
        return {
            **self.site.each_context(self.request),
            "enhancement": self.enhancement,
            "opts": Enhancement._meta,
            "title": _("Review %s") % self.enhancement if self.enhancement else _("Review pictures"),
            "filter": filter_,
            "rule": self.queue.rule,
            "may_see_rules": may(self.request, "view_approvalrule"),
            "query": filter_.query(),
            "without_rule": filter_.with_(),
            "address": self.address,
            "undo": self.request.GET.get("undo", "") if steps.read_undo(self.request.GET.get("undo", "")) else "",
            "may_review": may(self.request, "review_resultimage"),
            "may_publish": may(self.request, "publish_resultimage"),
            "coming": self._coming,
        }

    def _coming(self) -> int:
        """Return the number of pictures of the enhancement that are still being made."""
        items = EnhancementItem.objects.filter(enhancement=self.enhancement, status__in=OPEN_ITEMS)
        return visible(self.request, self.site, items).count() if self.enhancement else 0


def review_page(request: HttpRequest, pk: int | None, site: AdminSite) -> HttpResponse:
    """Show the queue, of one enhancement or of all; a POST carries out a step.

    ``?focus=`` names a result that is shown in large, ``?another=`` one of which another is to be made. Scripts (htmx)
    get parts of the page.
    """
    if not may_take_any_step(request):
        require(request, "view_resultimage")
    enhancement = None
    if pk is not None:
        enhancement = get_object_or_404(visible_enhancements(request, site, Enhancement.objects.titled()), pk=pk)
    page = _Page(request, site, enhancement, Queue(request, site, Filter.of(request, pk)))
    focus, result = number_in(request.GET.get("focus")), number_in(request.GET.get("another"))
    if result is not None:
        return _another(page, result, focus)
    if request.method == "POST":
        return _after(page, steps.carry_out(request, page.queue), focus)
    return _grid(page) if focus is None else _focus(page, focus)


def ticks_in_address(request: HttpRequest, pk: int | None = None) -> str:
    """Return the address of the page with what was ticked there."""
    ticked = request.POST.getlist("ticked")[:_MOST_TICKS]
    query = Filter.of(request, pk).query(
        **{name: request.GET.get(name, "") for name in ("page", "focus")}, ticked=ticked
    )
    return request.path + query


def _after(page: _Page, outcome: steps.Outcome, focus: int | None) -> HttpResponse:
    """Respond to a step: with the changed part for a script, else with a redirect to the place where it was."""
    if focus is not None:
        target = _next_focus(page, outcome, focus)
        if page.by_script:
            return _focus(page, target, undo=outcome.undo)
        return HttpResponseRedirect(_focus_address(page, target, undo=outcome.undo))
    if page.by_script and len(outcome.items) == 1:
        return _part(page, outcome)
    ticked = [] if "ticked" in _pressed(page.request) else page.request.POST.getlist("ticked")[:_MOST_TICKS]
    query = page.queue.filter.query(page=page.request.GET.get("page", ""), ticked=ticked, undo=outcome.undo)
    place = f"#item-{outcome.items[0]}" if len(outcome.items) == 1 else ""
    return HttpResponseRedirect(page.request.path + query + place)


def _another(page: _Page, pk: int, focus: int | None) -> HttpResponse:
    """Show or carry out the form that asks in what another picture should differ."""
    request = page.request
    require(request, "review_resultimage", "start_enhancement")
    related = ("item__enhancement", "enhancement__credential", "enhancement__preset", "enhancement__origin", "job")
    result = get_object_or_404(page.queue.seen().select_related(*related), pk=pk)
    wish = Another(request, page.site, result)
    if "make" in request.POST and "preview" not in request.POST and wish.carry_out():
        response = _after(page, steps.Outcome((result.item_id,), done=1), focus)
        response["HX-Retarget"] = f"#item-{result.item_id}" if focus is None else "#review-stage"
        response["HX-Reswap"] = "outerHTML"
        return response
    more = {"page": request.GET.get("page", ""), "focus": request.GET.get("focus", "")}
    query = page.queue.filter.query
    back = request.path + query(**more) + ("" if focus else f"#item-{result.item_id}")
    context = {
        "back": back,
        "another_address": request.path + query(**more, another=str(pk)),
        "title": _("Make another"),
    }
    return page.render("another_form.html" if page.by_script else "another.html", context | wish.context())


def _pressed(request: HttpRequest) -> list[str]:
    return [request.POST[name] for name in steps.PERMISSIONS if name in request.POST]


def _grid(page: _Page) -> HttpResponse:
    request, queue = page.request, page.queue
    pages = Paginator(queue.items, PER_PAGE)
    pages.count = queue.counts[queue.filter.show]
    shown = pages.get_page(request.GET.get("page"))
    first = {item.pk: item.first for item in shown}
    made = tiles(request, page.site, list(shown), queue.seen(), first=first, ticked=request.GET.getlist("ticked"))
    context = {
        "page": shown,
        "tiles": made,
        "offers": _offers(page),
        "tick_steps": _tick_steps(made),
        "lacking": _lacking(request, made),
        **_summary(page),
    }
    if not queue.filter.is_fixed:
        context["enhancements"] = queue.enhancements()
    return page.render("page.html", context)


def _part(page: _Page, outcome: steps.Outcome) -> HttpResponse:
    """Render the tile that a step has changed, with the figures and a message with *Undo*."""
    (pk,) = outcome.items
    posted = page.request.POST
    chosen = number_in(posted.get(f"variant-{pk}"))
    items = EnhancementItem.objects.filter(pk=pk)
    first, ticked = {pk: chosen or 0}, posted.getlist("ticked")
    made = tiles(page.request, page.site, list(items), page.queue.seen(), first=first, ticked=ticked)
    context = {"tile": made[0] if made else None, "toast_undo": outcome.undo, "offers": _offers(page)}
    return page.render("part.html", context | _summary(page))


def _focus(page: _Page, pk: int, undo: str = "") -> HttpResponse:
    """Render one item in large, with its neighbours in the queue; without one, the end of the queue."""
    queue = page.queue
    item = EnhancementItem.objects.filter(results__in=queue.seen().filter(pk=pk)).first()
    context: dict[str, Any] = {"toast_undo": undo or page.request.GET.get("undo", ""), "tile": None}
    context["focus_address"] = _focus_address(page, pk)
    if item is not None:
        (tile,) = tiles(page.request, page.site, [item], queue.seen(), first={item.pk: pk})
        tile.chosen = pk
        context |= {"tile": tile, "lacking": _lacking(page.request, [tile])}
        around = queue.neighbours(item)
        context |= around | {"page_number": around["before"] // PER_PAGE + 1}
        context["preloads"] = _preloads(page, around["following"])
    else:
        context["following"] = queue.items.values_list("first", flat=True).first()
    if not steps.read_undo(context["toast_undo"]):
        context["toast_undo"] = ""
    return page.render("stage.html" if page.by_script else "focus.html", context)


def _preloads(page: _Page, pk: int | None) -> list[str]:
    """Return the URLs of the pictures that come next, so that they are there before they are asked for."""
    following = page.queue.seen().filter(pk=pk).select_related("item__content_type").first() if pk else None
    if following is None:
        return []
    return [following.thumbnail.url, source_url(page.request, page.site, following.item)]


def _next_focus(page: _Page, outcome: steps.Outcome, focus: int) -> int:
    """Return the result to show after a step: the next one if it was decided, the same one otherwise, 0 at the end."""
    if "undo" in page.request.POST:
        back = page.queue.seen().filter(item__in=outcome.items).order_by("pk").first()
        return back.pk if back else focus
    if not outcome.done or "reopen" in page.request.POST:
        return focus
    item = EnhancementItem.objects.filter(results=focus).first()
    return (page.queue.beside(item, "gt") or page.queue.beside(item, "lt") or 0) if item else 0


def _focus_address(page: _Page, pk: int, undo: str = "") -> str:
    return page.request.path + page.queue.filter.query(focus=str(pk), undo=undo)


def _summary(page: _Page) -> dict[str, Any]:
    counts, filter_ = page.queue.counts, page.queue.filter
    labels = {
        "pending": _("To review"),
        "refused": _("Could not be published"),
        "approved": _("Approved"),
        "published": _("On products"),
        "rejected": _("Rejected"),
        "all": _("All"),
    }
    warned = {"": _("All"), "yes": _("With warnings"), "no": _("Without warnings")}
    numbers = {"": counts["yes"] + counts["no"], "yes": counts["yes"], "no": counts["no"]}
    return {
        "states": [
            (filter_.with_(show=one), labels[one], counts[one], one == filter_.show)
            for one in STATES
            if one != "refused" or counts[one] or filter_.show == one
        ],
        "warned": [
            (filter_.with_(warnings=one), label, numbers[one], one == filter_.warnings) for one, label in warned.items()
        ],
        "left": counts["pending"],
    }


def _offers(page: _Page) -> list[tuple[str, int, str]]:
    """Return the steps for the whole filter, each with the number of pictures and a label."""
    request, queue = page.request, page.queue
    wanted = {"pending": ("approve_and_publish", "approve"), "approved": ("publish",), "published": ("restore",)}
    offers: list[tuple[str, int, str]] = []
    if queue.filter.rule:
        wanted = {queue.filter.show: (steps.step_of(queue.rule),) if queue.rule and queue.rule.is_active else ()}
    for step in wanted.get(queue.filter.show, ()):
        if not may(request, *steps.PERMISSIONS[step]) or (step == "restore" and not queue.filter.enhancement):
            continue
        if number := queue.for_all(step).count():
            warned = queue.filter.warnings == "yes"
            offers.append(
                (step, number, rule_offer(step, number) if queue.rule else _offer(step, number, warned=warned))
            )
            break  # the furthest step that the person may take
    return offers


def _offer(step: str, number: int, *, warned: bool) -> str:
    texts = {
        "approve": ngettext("Approve %(n)s without warnings", "Approve all %(n)s without warnings", number),
        "approve_and_publish": ngettext(
            "Approve and publish %(n)s without warnings", "Approve and publish all %(n)s without warnings", number
        ),
        "publish": ngettext("Publish %(n)s approved", "Publish all %(n)s approved", number),
        "restore": ngettext("Take %(n)s back", "Take all %(n)s back", number),
    }
    if warned and step == "approve":
        return ngettext("Approve %(n)s with warnings", "Approve all %(n)s with warnings", number) % {"n": number}
    if warned and step == "approve_and_publish":
        text = ngettext(
            "Approve and publish %(n)s with warnings", "Approve and publish all %(n)s with warnings", number
        )
        return text % {"n": number}
    return texts[step] % {"n": number}


def rule_offer(step: str, number: int) -> str:
    """Return the label of the button that applies a rule to what waits."""
    texts = {
        "approve": ngettext("Approve %(n)s by this rule", "Approve all %(n)s by this rule", number),
        "approve_and_publish": ngettext(
            "Approve and publish %(n)s by this rule", "Approve and publish all %(n)s by this rule", number
        ),
    }
    return texts[step] % {"n": number}


def _tick_steps(made: list[Tile]) -> set[str]:
    """Return the steps that some tile of the page can take together with others."""
    return {step for tile in made if tile.can_be_ticked for step in tile.steps}


def _lacking(request: HttpRequest, made: list[Tile]) -> str:
    """Return a sentence about permissions that the person lacks for the steps of these tiles."""
    if not made:
        return ""
    return missing(request, "review_resultimage", "publish_resultimage", "start_enhancement")
