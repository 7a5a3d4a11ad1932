"""Tiles of the run page: one for each picture of an enhancement, in pages that are fetched as a person scrolls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import number_in, page_url
from product_imagery.admin.small_copies import source_url
from product_imagery.flows.previews import SIDE
from product_imagery.models import EnhancementItem, ResultImage
from product_imagery.models.enhancement import ItemQuerySet
from product_imagery.states import OPEN_ITEMS, ItemStatus, Publication, Review

PER_PAGE = 60
MOST_COMPARED = 150  #: tiles whose states one poll compares

#: state of a tile → its name; states of an item without a usable result have the item's own names
LABELS: dict[str, Any] = {
    **dict(ItemStatus.choices),
    "review": _("to review"),
    "approved": _("approved"),
    "rejected": _("rejected"),
    "publishing": _("being published"),
    "published": _("on the product"),
    "conflict": _("not published"),
    "restored": _("taken back"),
}
#: filter → its name, in the order of the buttons
FILTERS: dict[str, Any] = {
    "all": _("all"),
    "open": _("in work"),
    "stalled": _("need a decision"),
    "failed": _("failed"),
    "review": _("to review"),
    "approved": _("approved, not published"),
    "publishing": _("being published"),
    "published": _("published"),
    "conflict": _("could not be published"),
    "cancelled": _("cancelled"),
}
#: the publication that stands for an item with several results, first come
_RANKED = (
    (Publication.WAITING, "publishing"),
    (Publication.PUBLISHED, "published"),
    (Publication.CONFLICT, "conflict"),
    (Publication.RESTORED, "restored"),
)


@dataclass(frozen=True)
class Tile:
    """A picture with its state, its thumbnail, or an empty string, and the page that its link opens."""

    pk: int
    name: str
    state: str
    thumbnail: str
    address: str
    note: str = ""

    @property
    def label(self) -> str:
        """State in words."""
        return str(LABELS[self.state])


def filtered(items: ItemQuerySet, chosen: str, reason: str | None = None) -> QuerySet[EnhancementItem]:
    """Filter items by one of ``FILTERS``; an unknown one filters nothing. ``reason``: error code of failed ones."""
    if reason is not None:
        return items.filter(status=ItemStatus.FAILED, error_code=reason)
    if chosen == "open":
        return items.filter(status__in=OPEN_ITEMS)
    if chosen in ItemStatus.values:
        return items.filter(status=chosen)
    if chosen == "review":
        return items.to_review()
    results = ResultImage.objects.filter(item=OuterRef("pk"), review=Review.APPROVED).order_by()
    by_publication = {"approved": Publication.NONE, **{name: state for state, name in _RANKED}}
    publication = by_publication.get(chosen)
    return items.filter(Exists(results.filter(publication=publication))) if publication else items


def page_of(items: QuerySet[EnhancementItem], after: int) -> tuple[list[EnhancementItem], bool]:
    """Return the next items behind a primary key, and whether there are more."""
    found = list(items.filter(pk__gt=after).order_by("pk").prefetch_related("results")[: PER_PAGE + 1])
    return found[:PER_PAGE], len(found) > PER_PAGE


def tiles_of(request: HttpRequest, site: AdminSite, items: Iterable[EnhancementItem]) -> list[Tile]:
    """Return the tiles of items whose results are prefetched."""
    return [_tile(request, site, item) for item in items]


def changed_tiles(request: HttpRequest, site: AdminSite, items: QuerySet[EnhancementItem], known: str) -> list[Tile]:
    """Return the tiles that differ from those a page shows, given as ``12:queued,13:failed``."""
    states = {}
    for pair in known.split(",")[:MOST_COMPARED]:
        key, _separator, state = pair.partition(":")
        if (pk := number_in(key)) and state:
            states[pk] = state
    if not states:
        return []
    found = items.filter(pk__in=states).order_by("pk").prefetch_related("results")
    return [tile for tile in tiles_of(request, site, found) if tile.state != states[tile.pk]]


def _tile(request: HttpRequest, site: AdminSite, item: EnhancementItem) -> Tile:
    state, shown = _standing(item)
    if shown and item.status == ItemStatus.COMPLETED:
        address = f"{page_url(site, 'enhancement_review', item.enhancement_id)}?show=all&focus={shown.pk}"
    else:
        address = page_url(site, "enhancementitem_change", item.pk)
    picture = shown.thumbnail.url if shown else source_url(request, site, item, SIDE)
    return Tile(item.pk, item.label, state, picture, address, item.error_message)


def _standing(item: EnhancementItem) -> tuple[str, ResultImage | None]:
    """Return the state of an item, and the result that stands for it."""
    results = list(item.results.all())
    if item.status != ItemStatus.COMPLETED or not results:
        return item.status, results[-1] if results else None
    for publication, state in _RANKED:
        for result in results:
            if result.publication == publication:
                return state, result
    for review, state in ((Review.APPROVED, "approved"), (Review.PENDING, "review")):
        for result in results:
            if result.review == review:
                return state, result
    return "rejected", results[-1]
