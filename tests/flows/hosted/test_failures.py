"""What can never be read fails at once, with its reason; what may pass is tried again."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from example_project.shop.models import Product
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob
from product_imagery.states import ItemStatus
from tests.conftest import draw_product, encoded
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.shop_side import OtherSide

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
#: as imports leave them in the database
BAD_NAMES = [
    "/srv/feed/a.jpg",
    "../a.jpg",
    "products",
    "products/photos",
    pytest.param("a\0b.jpg", marks=pytest.mark.sqlite),  # PostgreSQL stores no such name
    "a" * 300 + ".jpg",
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: repr(name)[:20])
def test_a_name_that_can_never_be_read_fails_at_once(name: str, make_product: Make, enlarge: Enlarge) -> None:
    enhancement = enlarge(make_product())
    EnhancementItem.objects.update(source_name=name)
    run_slice(seconds=0.5)
    item = enhancement.items.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "unreadable_name")
    assert "Upload the picture again" in item.error_message


def test_no_provider_is_asked_about_it_either(account: Account, order: Order, fakes: Any) -> None:
    enhancement = order(account("aigenstudio"))
    EnhancementItem.objects.update(source_name="../a.jpg")
    hurry(1)
    assert enhancement.items.get().error_code == "unreadable_name"
    assert fakes.created == []


def test_a_feed_that_always_compresses_fails_at_once(side: OtherSide, make_product: Make, enlarge: Enlarge) -> None:
    side.pictures["/a.jpg"] = gzip.compress(encoded(draw_product()))
    side.headers["/a.jpg"] = {"Content-Encoding": "gzip"}
    enhancement = enlarge(make_product())
    EnhancementItem.objects.update(source_name="feed/a.jpg", source_url=f"{side.address}/a.jpg")
    run_slice(seconds=0.5)
    item = enhancement.items.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "compressed")


def test_a_feed_that_always_sends_half_is_tried_once_more(
    side: OtherSide, make_product: Make, enlarge: Enlarge, settings: Any
) -> None:
    side.pictures["/a.jpg"] = encoded(draw_product())
    side.headers["/a.jpg"] = {"Content-Length": str(2 * len(side.pictures["/a.jpg"]))}
    enhancement = enlarge(make_product())
    EnhancementItem.objects.update(source_name="feed/a.jpg", source_url=f"{side.address}/a.jpg")
    for _ in range(2):
        assert enhancement.items.get().status == ItemStatus.QUEUED
        ProviderJob.objects.update(due_at="2020-01-01T00:00Z")
        run_slice(seconds=0.2)
    assert enhancement.items.get().status == ItemStatus.FAILED
    assert len(side.fetched) == 2


@pytest.mark.parametrize("route", ["webhooks", "sources"])
def test_an_address_without_its_last_slash_is_the_same(route: str, client: Client, db: None, settings: Any) -> None:
    settings.DEBUG = True
    last = "00000000-0000-4000-8000-000000000001" if route == "webhooks" else "signed"
    call = client.post if route == "webhooks" else client.get
    answers = [call(f"/imagery/{route}/{last}{slash}").status_code for slash in ("/", "")]
    assert answers == [404, 404]
