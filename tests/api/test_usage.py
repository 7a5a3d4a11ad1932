"""Usage by day, provider and key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from product_imagery.flows.money import budgets
from product_imagery.models import ProviderCredential, ProviderJob
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]


def _buy(one: Caller, make_product: Any, number: int) -> None:
    images = [{"product": f"shop.product:{make_product(sku=f'{one.key.pk}-{n}').pk}"} for n in range(number)]
    asked = {"operation": "white_background", "credential": "Main", "images": images}
    response = one.post("enhancements", asked)
    assert response.status_code == 202, response.content


@pytest.fixture
def bought(caller: Call, make_product: Any) -> tuple[Caller, Caller]:
    """Two keys of one owner that have bought three and two pictures; a stranger has bought one."""
    ProviderCredential.objects.create(provider="paqshot", label="Main")
    first, second, stranger = caller(), caller("pim"), caller("stranger")
    _buy(first, make_product, 3)
    _buy(second, make_product, 2)
    _buy(stranger, make_product, 1)
    return first, second


def test_usage_is_by_day_provider_and_key(bought: tuple[Caller, Caller]) -> None:
    first, second = bought
    usage = first.get("usage").json()["usage"]
    shown = {row["key"]: (row["provider"], row["spent"], row["promised"], row["jobs"]) for row in usage}
    assert shown == {
        first.key.prefix: ("paqshot", "0.00", "3.00", 3),
        second.key.prefix: ("paqshot", "0.00", "2.00", 2),
    }
    assert {row["day"] for row in usage} == {str(timezone.localdate())}


def test_settled_amounts_are_spent_and_released_ones_are_not(bought: tuple[Caller, Caller]) -> None:
    first, second = bought
    done, failed, *_ = ProviderJob.objects.filter(enhancement__api_key=first.key).order_by("pk")
    for job in (done, failed):
        ProviderJob.objects.filter(pk=job.pk).update(state="done", finished_at=timezone.now())
    budgets.settle_and_save([(done, Decimal("0.75"))])
    budgets.release([failed])
    usage = first.get("usage?provider=paqshot").json()["usage"]
    row = next(row for row in usage if row["key"] == first.key.prefix)
    assert (row["spent"], row["promised"]) == ("0.75", "1.00")
    assert first.get("usage?provider=pergai").json()["usage"] == []
    assert second.get("usage").status_code == 200


def test_settlement_counts_on_the_day_of_the_order(bought: tuple[Caller, Caller]) -> None:
    first, _ = bought
    old = timezone.now() - timedelta(days=3)
    job = ProviderJob.objects.filter(enhancement__api_key=first.key).earliest("pk")
    ProviderJob.objects.filter(pk=job.pk).update(created_at=old, state="done", finished_at=timezone.now())
    budgets.settle_and_save([(job, Decimal(2))])
    day = str(timezone.localtime(old).date())
    (row,) = first.get(f"usage?first_day={day}&last_day={day}").json()["usage"]
    assert (row["day"], row["spent"], row["promised"]) == (day, "2.00", "0.00")


@pytest.mark.parametrize(
    "asked", ["first_day=2026-01-02&last_day=2026-01-01", "first_day=1999-01-01", "first_day=x", "last_day=0001-01-01"]
)
def test_impossible_days_are_refused(asked: str, caller: Call) -> None:
    response = caller().get(f"usage?{asked}")
    assert response.status_code == 400
    assert "first_day" in response.json()["error"]["details"]
