"""Forecasts of time and cost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from example_project.shop.models import Product
from product_imagery.flows.enhancements.batching import batch_sizes
from product_imagery.flows.enhancements.estimate import estimate_seconds
from product_imagery.flows.enhancements.specs import spec_of_operation
from tests.fakes.hosted import Account, Order

pytestmark = pytest.mark.django_db


def test_the_forecast_counts_what_waits_already(account: Account, order: Order) -> None:
    """AI Gen Studio makes 25 pictures an hour, whoever asks for them."""
    credential = account("aigenstudio")
    spec = spec_of_operation("white_background", {}, credential)

    def hours(pictures: int) -> float:
        return estimate_seconds(credential, spec.operation, spec.offer, pictures) / 3600

    assert 38 < hours(1000) < 41
    assert hours(25) < 0.1
    order(credential, 25)
    assert 1 < hours(25) < 1.1


def test_the_merchant_sees_how_long_the_limits_make_it(account: Account) -> None:
    credential = account("aigenstudio")
    spec = spec_of_operation("white_background", {}, credential)
    assert batch_sizes(credential) == [13, 12]
    seconds = estimate_seconds(credential, spec.operation, spec.offer, 1000)
    assert timedelta(hours=38) < timedelta(seconds=seconds) < timedelta(hours=42)
    assert estimate_seconds(credential, spec.operation, spec.offer, 5) < 300
    assert Product.objects.count() == 0
