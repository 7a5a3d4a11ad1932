"""Tiles of the review: an item with its variants, the picture before, and the steps that are possible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext as _

from product_imagery.admin.permissions import may
from product_imagery.admin.small_copies import file_url, shop_urls, small_url, source_url
from product_imagery.conf import get_settings
from product_imagery.fidelity.judge import Drift
from product_imagery.flows.previews import LOOK_SIDE
from product_imagery.flows.results import standing
from product_imagery.flows.results.fidelity import DRIFTED, drift_in, drifted
from product_imagery.flows.results.marketplace import BROKEN, Verdict, broken_rules, verdict_of
from product_imagery.models import EnhancementItem, ResultImage
from product_imagery.models.result import ResultQuerySet
from product_imagery.provider_kit.registry import get_provider
from product_imagery.rules.judge import Finding, Level
from product_imagery.states import Publication, Review

_ABLE = (Publication.NONE, Publication.CONFLICT, Publication.RESTORED)


@dataclass(frozen=True)
class Variant:
    """One result of a tile, with its state as it is now."""

    result: ResultImage
    number: int
    publication: Publication
    warnings: list[str]
    verdict: Verdict | None = None  #: of the marketplace's rules

    @property
    def drift(self) -> Drift | None:
        """Difference between the product and that of the source."""
        return drift_in(self.result.report)

    @property
    def advice(self) -> list[Finding]:
        """Rules that are kept only just: the marketplace accepts the picture, but advises another."""
        return self.verdict.at(Level.WARN) if self.verdict else []

    @property
    def is_pending(self) -> bool:
        """True if nobody has judged it."""
        return self.result.review == Review.PENDING

    @property
    def displaced(self) -> bool:
        """True if it was published and something else stands on the product now."""
        return self.publication == Publication.NONE and self.result.publication == Publication.PUBLISHED

    @property
    def refused(self) -> bool:
        """True if it was not published because its product had changed meanwhile."""
        return self.publication == Publication.CONFLICT

    @property
    def publishable(self) -> bool:
        """True if it is approved and may be put on its product."""
        return self.result.review == Review.APPROVED and self.publication in _ABLE

    @property
    def undoable(self) -> bool:
        """True if its judgement can be undone."""
        return not self.is_pending and self.result.publication != Publication.PUBLISHED

    @property
    def on_product(self) -> bool:
        """True if it stands on its product now."""
        return self.publication == Publication.PUBLISHED

    @property
    def transparent(self) -> bool:
        """True if the format can be transparent."""
        return self.result.format in ("png", "webp")

    @property
    def percent(self) -> int:
        """Confidence in percent."""
        return round(self.result.confidence * 100)


@dataclass
class Tile:
    """An item with its variants. ``shown`` is the variant whose picture is large; ``chosen`` is none or a choice."""

    item: EnhancementItem
    variants: list[Variant]
    shown: Variant
    before: str
    before_full: str
    steps: set[str]
    now: str = ""  #: address of a copy of another picture that stands on the product at present
    now_full: str = ""
    shop: str = ""  #: address of the product in the shop
    position: tuple[int, int] | None = None  #: among the pictures of its product, and their number
    chosen: int | None = None
    ticked: bool = False
    some_pending: bool = field(init=False)

    def __post_init__(self) -> None:
        self.some_pending = any(one.is_pending for one in self.variants)

    @property
    def several(self) -> bool:
        """True if a person chooses between variants."""
        return len(self.variants) > 1

    @property
    def value(self) -> str:
        """Value of the buttons: the result, or the item of whose variants one is chosen."""
        return f"item-{self.item.pk}" if self.several else str(self.shown.result.pk)

    @property
    def can_be_ticked(self) -> bool:
        """True if a step for several pictures can take it."""
        return bool(self.steps & {"approve", "publish"})


def tiles(
    request: HttpRequest,
    site: AdminSite,
    items: Sequence[EnhancementItem],
    results: ResultQuerySet,
    *,
    first: dict[int, int] | None = None,
    ticked: Collection[str] = (),
) -> list[Tile]:
    """Return the tiles of items, in a number of queries that does not depend on theirs.

    ``results`` are those that the person may see; ``first`` names the result to show for each item.
    """
    related = ("item__content_type", "item__enhancement__credential", "reviewed_by")
    rows = list(results.filter(item__in=items).select_related(*related).order_by("pk"))
    states, names = standing.publications(rows), standing.names(items)
    positions = _positions(items)
    by_item: dict[int, list[ResultImage]] = defaultdict(list)
    for row in rows:
        by_item[row.item_id].append(row)
    made = []
    for item in items:
        if by_item[item.pk]:
            tile = _tile(request, site, by_item[item.pk], states, (first or {}).get(item.pk))
            _show_what_stands_now(request, site, tile, names.get(item.pk))
            tile.position = positions.get(item.pk)
            tile.ticked = tile.value in ticked
            made.append(tile)
    shop = shop_urls(request, site, [tile.item for tile in made if tile.shown.on_product])
    for tile in made:
        tile.shop = shop.get(tile.item.pk, "")
    return made


def _positions(items: Sequence[EnhancementItem]) -> dict[int, tuple[int, int]]:
    """Return position and number of each item among the pictures of its product, where there are several."""
    slotted = [item for item in items if item.slot]
    mine = {name: {getattr(item, name) for item in slotted} for name in ("enhancement_id", "object_id")}
    rows = EnhancementItem.objects.filter(**{f"{name}__in": values for name, values in mine.items()}).order_by("pk")
    products: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for pk, *product in rows.values_list("pk", "enhancement_id", "content_type_id", "object_id"):
        products[tuple(product)].append(pk)
    found = {pk: (at, len(some)) for some in products.values() for at, pk in enumerate(some, 1) if len(some) > 1}
    return {item.pk: found[item.pk] for item in slotted if item.pk in found}


def _tile(request: HttpRequest, site: AdminSite, results: list[ResultImage], states: Any, first: int | None) -> Tile:
    item = results[0].item
    texts = get_provider(item.enhancement.credential.provider).warning_texts
    variants = [Variant(row, at, states[row.pk], *_judged(row, texts)) for at, row in enumerate(results, 1)]
    open_ones = [one for one in variants if one.is_pending]
    shown = next((one for one in variants if one.result.pk == first), (open_ones or variants)[0])
    full = file_url(item.content_type_id, item.source_name)
    return Tile(item, variants, shown, source_url(request, site, item), full, _steps(request, item, variants))


def _steps(request: HttpRequest, item: EnhancementItem, variants: list[Variant]) -> set[str]:
    """Return the steps that a variant of the tile can take and the person may take."""
    may_review, may_publish = may(request, "review_resultimage"), may(request, "publish_resultimage")
    pending, trial = any(one.is_pending for one in variants), item.enhancement.is_trial
    steps = {"approve", "reject"} if pending and may_review else set()
    if may_publish and not trial:
        steps |= {"approve_and_publish"} if "approve" in steps else set()
        steps |= {"publish"} if any(one.publishable for one in variants) else set()
    if may_review and any(one.undoable for one in variants):
        steps.add("reopen")
    if may_review and may(request, "start_enhancement"):
        steps.add("another")
    if may(request, "restore_imageversion") and any(one.on_product for one in variants):
        steps.add("restore")
    return steps


def _judged(result: ResultImage, texts: Any) -> tuple[list[str], Verdict | None]:
    """Return the warnings about a result, and what the rules of its marketplace say."""
    found = [_(texts.get(code, code)) for code in result.warnings if code not in (BROKEN, DRIFTED)]
    found += broken_rules(result.report) + drifted(result.report)
    if result.confidence < get_settings().review_below:
        found.append(_("Low confidence."))
    return found, verdict_of(result.report)


def _show_what_stands_now(request: HttpRequest, site: AdminSite, tile: Tile, name: str | None) -> None:
    """Set the URLs of what stands on the product now, if it is neither the source nor a result of the tile."""
    if not name or name == tile.item.source_name or any(one.on_product for one in tile.variants):
        return
    tile.now_full = file_url(tile.item.content_type_id, name, target=True)
    product = tile.item.content_type_id, tile.item.object_id
    tile.now = small_url(request, site, product, name, target=True, side=LOOK_SIDE)
