"""Pace: how fast an enhancement moves, and how long it still takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min
from django.utils import timezone

from product_imagery.flows.enhancements.estimate import estimate_seconds
from product_imagery.models.db_time import from_now
from product_imagery.provider_kit.contract import Operation
from product_imagery.states import ItemStatus

_WINDOW = 300.0  #: seconds in which pictures that ended are counted
_ENOUGH = 5  #: pictures, from which on the pace is measured
_SHORTEST = 3.0  #: seconds, likewise: batches end together


@dataclass(frozen=True)
class Pace:
    """Pictures per minute, if enough of them have ended lately, and seconds until the last one, if any is open."""

    per_minute: float | None = None
    seconds_left: float | None = None


def pace_of(enhancement: Any) -> Pace:
    """Return the pace of an enhancement fetched with ``with_progress``.

    It is measured over the last five minutes; before there is enough to measure, the time left is the estimate.
    """
    if not enhancement.open:
        return Pace()
    ended = enhancement.items.filter(finished_at__gte=from_now(-_WINDOW)).exclude(status=ItemStatus.CANCELLED)
    found = ended.aggregate(number=Count("pk"), first=Min("finished_at"))
    if found["number"] >= _ENOUGH:
        seconds = (timezone.now() - found["first"]).total_seconds()
        if seconds >= _SHORTEST:
            each = seconds / found["number"]
            return Pace(60 / each, enhancement.open * each)
    credential = enhancement.credential
    offer = credential.declared.offers.get(Operation(enhancement.operation))
    if offer is None:
        return Pace()
    # The estimate adds what is open at the account already: these pictures, unless they are still to be prepared.
    unprepared = max(1, enhancement.unprepared)
    return Pace(None, estimate_seconds(credential, enhancement.operation, offer, unprepared))
