"""Pace of an enhancement: measured where enough has ended, else the estimate."""

from __future__ import annotations

from typing import Any

from product_imagery.flows.enhancements.pace import Pace, pace_of
from product_imagery.models import Enhancement, EnhancementItem
from product_imagery.models.db_time import from_now


def _ended(number: int, seconds: float) -> None:
    items = EnhancementItem.objects.filter(pk__in=list(EnhancementItem.objects.values_list("pk", flat=True)[:number]))
    items.update(status="completed", active_key=None, finished_at=from_now(-seconds))


def test_the_pace_is_measured_once_enough_has_ended(make_product: Any, enlarge: Any) -> None:
    enlarge(*[make_product(sku=f"n{k}") for k in range(12)])
    _ended(6, 60)
    pace = pace_of(Enhancement.objects.with_progress().get())
    assert 5 < (pace.per_minute or 0) <= 6
    assert 60 <= (pace.seconds_left or 0) < 72


def test_before_that_the_time_left_is_estimated(make_product: Any, enlarge: Any) -> None:
    enlarge(*[make_product(sku=f"n{k}") for k in range(12)])
    _ended(2, 60)
    pace = pace_of(Enhancement.objects.with_progress().get())
    assert pace.per_minute is None
    assert pace.seconds_left


def test_nothing_open_takes_no_time(make_product: Any, enlarge: Any) -> None:
    enlarge(make_product())
    _ended(1, 1)
    assert pace_of(Enhancement.objects.with_progress().get()) == Pace()
