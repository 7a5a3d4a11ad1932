"""Products that a request leaves out, with the ids of existing work on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q

from product_imagery.exceptions import Skipped
from product_imagery.models import EnhancementItem
from product_imagery.rows import portions
from product_imagery.states import Review


def describe_left_out(skipped: Sequence[Skipped], ownership: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return data for ``LeftOutOut``.

    ``ownership``: lookups for the caller's enhancements; the ids of other enhancements are not shown.
    """
    found = _existing([one.work_key for one in skipped if one.work_key], ownership)
    nothing: dict[str, Any] = {"enhancement": None, "generations": []}
    return [{"product": one.product_id, "reason": one.reason, **found.get(one.work_key, nothing)} for one in skipped]


def _existing(keys: Sequence[str], ownership: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return ids of the caller's enhancements and generations by work key."""
    mine = EnhancementItem.objects.filter(**{f"enhancement__{name}": value for name, value in ownership.items()})
    found: dict[str, dict[str, Any]] = {}
    for some in portions(keys, mine.db):
        wanted = Q(active_key__in=some) | Q(work_key__in=some, results__review__in=(Review.PENDING, Review.APPROVED))
        rows = mine.filter(wanted).distinct().select_related("enhancement").prefetch_related("results").order_by("pk")
        for item in rows:
            generations = [str(result.uuid) for result in item.results.all() if result.review != Review.REJECTED]
            found[item.work_key] = {"enhancement": str(item.enhancement.uuid), "generations": generations}
    return found
