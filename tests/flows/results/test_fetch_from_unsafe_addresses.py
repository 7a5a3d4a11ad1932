"""E2: no address that a provider sends makes us connect to what is not public."""

from __future__ import annotations

import json
from typing import Any

import pytest

from product_imagery.models import EnhancementItem, ProviderJob
from product_imagery.states import ItemStatus
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes
from tests.net.unsafe_urls import CORPUS

pytestmark = pytest.mark.django_db

_STORABLE = [url for url in CORPUS if url.isprintable() and " " not in url]


def test_as_a_result(account: Account, order: Order, fakes: Fakes, asked: list[Any]) -> None:
    """Twenty of a batch at a time, as a provider that was taken over would send them."""
    credential = account("aigenstudio")
    for begin in range(0, len(_STORABLE), 20):
        urls = _STORABLE[begin : begin + 20]
        enhancement = order(credential, len(urls))
        hurry(1)
        items = [
            {"external_id": item.uuid.hex, "status": "completed", "result_url": url}
            for item, url in zip(enhancement.items.order_by("pk"), urls, strict=True)
        ]
        told = {"id": ProviderJob.objects.latest("pk").remote_id, "status": "completed", "items": items}
        fakes.fail("aigenstudio.read", "status", times=99, status=200, body=json.dumps({"enhancement": told}).encode())
        hurry()
        fakes.faults.clear()
    here = ("127.0.0.1", int(fakes.base.rpartition(":")[2]))
    assert {tuple(address) for address in asked} == {here}
    assert not EnhancementItem.objects.filter(status=ItemStatus.COMPLETED).exists()
    assert EnhancementItem.objects.filter(status=ItemStatus.FAILED).count() >= 150
