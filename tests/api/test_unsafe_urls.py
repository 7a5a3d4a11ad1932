"""E2: no URL makes this site connect to an address that is not public."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import EnhancementItem, EventDelivery
from product_imagery.states import ItemStatus
from tests.api.conftest import Caller
from tests.net.unsafe_urls import CORPUS

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]
LARGER: dict[str, Any] = {"operation": "upscale", "options": {"factor": "2"}}


def test_unsafe_source_urls_are_never_fetched(caller: Call, asked: list[Any]) -> None:
    one = caller()
    statuses = [one.post("enhancements", {**LARGER, "images": [{"source_url": url}]}).status_code for url in CORPUS]
    assert set(statuses) <= {202, 400}
    run_slice(seconds=3.0)
    assert asked == []
    assert not EnhancementItem.objects.filter(status=ItemStatus.COMPLETED).exists()


@pytest.mark.slow
@pytest.mark.parametrize("where", ["endpoint", "enhancement"])
def test_unsafe_webhook_urls_are_never_called(where: str, caller: Call, asked: list[Any]) -> None:
    one, statuses = caller(), set()
    for url in CORPUS:
        if where == "endpoint":
            statuses.add(one.post("webhook-endpoints", {"url": url}).status_code)
        elif url:
            image = {"source_url": "https://127.0.0.1/x.png"}
            statuses.add(one.post("enhancements", {**LARGER, "images": [image], "webhook_url": url}).status_code)
    run_slice(seconds=3.0)
    assert 400 in statuses
    assert statuses <= {201, 202, 400, 403, 409}
    assert asked == []
    assert not EventDelivery.objects.filter(delivered_at__isnull=False).exists()
