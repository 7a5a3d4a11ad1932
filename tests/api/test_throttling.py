"""Rate limits of API keys: exact, by key, weighted by operation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from product_imagery.models import RateUse
from tests.api.conftest import Caller, error_of

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]


class TestLimits:
    """G13, G14: exact, weighted, by key."""

    def test_requests_beyond_the_limit_get_429(self, caller: Call) -> None:
        one = caller(requests_per_minute=12)
        responses = [one.get("enhancements", **{"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(15)]
        assert [response.status_code for response in responses] == [200] * 12 + [429] * 3
        assert responses[0]["X-RateLimit-Remaining"] == "11"
        assert error_of(responses[-1]) == (429, "rate_limited")
        assert 0 < int(responses[-1]["Retry-After"]) <= 61
        assert caller("another", requests_per_minute=12).get("enhancements").status_code == 200

    def test_creates_weigh_five_and_expire_after_a_minute(self, caller: Call) -> None:
        one = caller(requests_per_minute=12)
        assert [one.post("enhancements", {}).status_code for _ in range(3)] == [400, 400, 429]
        RateUse.objects.update(at=timezone.now() - timedelta(seconds=61))
        assert one.get("enhancements").status_code == 200


class TestWeights:
    """Expensive operations weigh more, up to the limit of the key."""

    def test_weight_is_capped_at_the_limit_of_the_key(self, caller: Callable[..., Caller], make_product: Any) -> None:
        one = caller(requests_per_minute=4)
        body = {"operation": "upscale", "images": [{"product": f"shop.product:{make_product().pk}"}]}
        assert one.post("enhancements", body).status_code == 202
        refused = one.get("enhancements")
        assert refused.status_code == 429
        assert 55 <= int(refused["Retry-After"]) <= 60

    def test_retry_after_covers_the_weight_of_the_request(
        self, caller: Callable[..., Caller], make_product: Any
    ) -> None:
        one = caller(requests_per_minute=6)
        first = RateUse.objects.create(key=one.key, weight=1)
        RateUse.objects.filter(pk=first.pk).update(at=timezone.now() - timedelta(seconds=50))
        second = RateUse.objects.create(key=one.key, weight=2)
        RateUse.objects.filter(pk=second.pk).update(at=timezone.now() - timedelta(seconds=20))
        body = {"operation": "upscale", "images": [{"product": f"shop.product:{make_product().pk}"}]}
        refused = one.post("enhancements", body)  # five of six, three are used: not before the second is forgotten
        assert refused.status_code == 429
        assert 35 <= int(refused["Retry-After"]) <= 41
