"""The queue of the review: pictures of products by state and warnings, those that need a person most first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest

from product_imagery.admin.base import number_in
from product_imagery.admin.visibility import visible
from product_imagery.conf import get_settings
from product_imagery.flows.results import approval_rules
from product_imagery.models import ApprovalRule, Enhancement, EnhancementItem, ResultImage
from product_imagery.models.result import ResultQuerySet, needs_review
from product_imagery.states import Publication, Review

PER_PAGE = 24
STATES = ("pending", "refused", "approved", "published", "rejected", "all")
_LISTED = 20  #: enhancements in the filter


@dataclass(frozen=True)
class Filter:
    """The choice of pictures in the URL. ``warnings`` is ``yes``, ``no`` or empty.

    ``rule``: primary key of the approval rule that would approve them; the states then do not matter.
    """

    enhancement: int | None = None
    is_fixed: bool = False  #: the enhancement stands in the path, not in the query
    show: str = "pending"
    warnings: str = ""
    text: str = ""
    rule: int | None = None

    @classmethod
    def of(cls, request: HttpRequest, enhancement: int | None) -> Filter:
        """Read the filter from a URL; values that no filter has are dropped."""
        values = {name: request.GET.get(name, "").replace("\0", "")[:200] for name in ("show", "warnings", "q")}
        return cls(
            enhancement=enhancement or number_in(request.GET.get("enhancement")),
            is_fixed=enhancement is not None,
            show=values["show"] if values["show"] in STATES else "pending",
            warnings=values["warnings"] if values["warnings"] in ("yes", "no") else "",
            text=values["q"].strip(),
            rule=number_in(request.GET.get("rule")),
        )

    def query(self, **more: Any) -> str:
        """Return the query string of this filter, with ``more`` parameters."""
        own = {"show": self.show, "warnings": self.warnings, "q": self.text}
        own["enhancement"] = "" if self.is_fixed or not self.enhancement else str(self.enhancement)
        own["rule"] = str(self.rule or "")
        pairs = [(name, value) for name, value in own.items() if value]
        for name, value in more.items():
            pairs += [(name, one) for one in (value if isinstance(value, list) else [value]) if one]
        return f"?{urlencode(pairs)}"

    def with_(self, **changes: Any) -> str:
        """Return the query string of this filter with changes, and without a rule."""
        return replace(self, rule=None, **changes).query()


class Queue:
    """Results and items that the person may see and that a filter selects.

    ``rule``: an approval rule that may not be saved yet, instead of the one that the filter names.
    """

    def __init__(
        self, request: HttpRequest, site: AdminSite, filter_: Filter, rule: ApprovalRule | None = None
    ) -> None:
        self.filter = filter_
        self.rule = rule or (ApprovalRule.objects.filter(pk=filter_.rule).first() if filter_.rule else None)
        self._request, self._site = request, site

    def seen(self, *, change: bool = False) -> ResultQuerySet:
        """Return all results, of one enhancement if it is chosen, that the person may see or ``change``."""
        mine = ResultImage.objects.all()
        if self.filter.enhancement:  # with the pictures that its review has asked for
            own = Enhancement.objects.filter(Q(pk=self.filter.enhancement) | Q(origin=self.filter.enhancement))
            mine = mine.filter(enhancement__in=own.order_by().values("pk"))
        rows: Any = visible(self._request, self._site, mine, "item__", change=change)
        return rows  # type: ignore[no-any-return]

    def _named(self, rows: ResultQuerySet) -> ResultQuerySet:
        return rows.filter(item__label__icontains=self.filter.text) if self.filter.text else rows

    def matching(self, *, change: bool = False) -> ResultQuerySet:
        """Return the results that the whole filter selects; none if it names a rule that is gone."""
        if self.rule:
            return approval_rules.fitting(self.rule, self._named(self.seen(change=change)))
        if self.filter.rule:
            return ResultImage.objects.none()
        return _warned(_in_state(self._named(self.seen(change=change)), self.filter.show), self.filter.warnings)

    @cached_property
    def items(self) -> QuerySet[Any]:
        """Items with such a result, the worst first, each with its first result as ``first``."""
        mine = self.matching().filter(item=OuterRef("pk")).order_by("pk")
        rows: QuerySet[Any] = self._unordered().annotate(first=Subquery(mine.values("pk")[:1]))
        return rows.order_by(*_ORDER)

    def _unordered(self) -> QuerySet[Any]:
        return EnhancementItem.objects.filter(pk__in=self.matching().order_by().values("item"))

    def beside(self, item: EnhancementItem, side: str) -> int | None:
        """Return the first result of the item after (``gt``) or before (``lt``) this one, which may have left."""
        rows = self.items.filter(_beyond(item, side))
        found: int | None = (rows if side == "gt" else rows.reverse()).values_list("first", flat=True).first()
        return found

    def neighbours(self, item: EnhancementItem) -> dict[str, Any]:
        """Return the first results of the items beside this one, and the numbers of items before it and in all."""
        before = Count("pk", filter=_beyond(item, "lt"))
        beside = {"following": self.beside(item, "gt"), "previous": self.beside(item, "lt")}
        return beside | self._unordered().aggregate(total=Count("pk"), before=before)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Return the numbers of items in each state, and of those with and without warnings in the chosen one."""
        named = self._named(self.seen())
        states = {state: Count("item", distinct=True, filter=_condition(state)) for state in STATES}
        found: dict[str, int] = _warned(named, self.filter.warnings).order_by().aggregate(**states)
        here, unsure = _in_state(named, self.filter.show).order_by(), _unsure()
        yes, no = (Count("item", distinct=True, filter=one) for one in (unsure, ~unsure))
        return found | here.aggregate(yes=yes, no=no)

    def enhancements(self) -> list[tuple[Enhancement, int]]:
        """Return the latest enhancements with pictures in the chosen state, with their numbers of items."""
        mine = replace(self.filter, enhancement=None)
        rows = Queue(self._request, self._site, mine).matching().order_by("-enhancement")
        counted = rows.values_list("enhancement").annotate(number=Count("item", distinct=True))[:_LISTED]
        numbers = dict(counted)
        found = Enhancement.objects.titled().in_bulk(numbers)
        return [(found[pk], number) for pk, number in numbers.items()]

    def for_all(self, step: str) -> ResultQuerySet:
        """Return the results on which a step for the whole filter acts.

        Left out are items of which a person has to choose a variant, results with warnings unless the filter asks for
        them, and, where the step publishes, trials and products that the person may not change.
        """
        rows = self.matching(change=step != "approve")
        mine = ResultImage.objects.filter(item=OuterRef("item")).exclude(pk=OuterRef("pk"))
        if step == "restore":
            return rows.filter(publication=Publication.PUBLISHED)
        if step == "publish":
            rows = rows.filter(review=Review.APPROVED, publication=Publication.NONE)
            others = mine.filter(review=Review.APPROVED)
        else:
            rows = rows.to_review() if self.rule else _warned(rows.to_review(), self.filter.warnings or "no")
            others = mine.filter(Q(review=Review.PENDING) | Q(publication__in=_CHOSEN))
        if step != "approve":
            rows = rows.filter(enhancement__is_test=False, enhancement__is_sandbox=False)
        return rows.filter(~Exists(others))


_PUBLICATIONS = {"published": Publication.PUBLISHED, "refused": Publication.CONFLICT}
_CHOSEN = (Publication.WAITING, Publication.PUBLISHED)


#: the worst product first, and the pictures of one product together, see ``ItemQuerySet.rank``
_ORDER = ("worst", "head", "pk")


def _beyond(item: EnhancementItem, side: str) -> Q:
    """Return the condition of items after (``gt``) or before (``lt``) this one in the order."""
    found, same = Q(), Q()
    for name in _ORDER:
        value = getattr(item, name)
        found |= same & Q(**{f"{name}__{side}": value})
        same &= Q(**{name: value})
    return found


def _in_state(rows: ResultQuerySet, state: str) -> ResultQuerySet:
    return rows.filter(_condition(state))


def _condition(state: str) -> Q:
    if state == "pending":
        return needs_review()
    if state in _PUBLICATIONS:
        return Q(publication=_PUBLICATIONS[state])
    return Q(review=state) if state != "all" else Q(pk__gt=0)


def _warned(rows: ResultQuerySet, warnings: str) -> ResultQuerySet:
    if not warnings:
        return rows
    return rows.filter(_unsure() if warnings == "yes" else ~_unsure())


def _unsure() -> Q:
    """Return the condition of results that a person should look at one by one."""
    held_back = Q(review=Review.PENDING, publication_note__gt="")
    return ~Q(warnings=[]) | Q(confidence__lt=get_settings().review_below) | held_back
