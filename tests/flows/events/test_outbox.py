"""What became true is written down for every endpoint that wants to hear it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from product_imagery.flows.results import bulk, review
from product_imagery.flows.results.review import Decision
from product_imagery.models import EventDelivery, ProviderJob, ResultImage
from tests.api.conftest import LARGER, Caller, enhance_larger, make_endpoint, verify_event
from tests.fakes.shop_side import OtherSide

pytestmark = pytest.mark.django_db
Call = Callable[..., Caller]
Work = Callable[[], Any]


class TestEvents:
    def test_events_of_a_complete_enhancement(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, endpoint = verified
        identity = enhance_larger(one, make_product)
        work()
        (result,) = one.get("generations").json()["generations"]
        one.post(f"generations/{result['id']}/approve")
        work()
        one.post(f"generations/{result['id']}/restore")
        work()
        told = side.events()
        assert sorted(event["type"] for event in told) == [
            "enhancement.completed",
            "enhancement.item.completed",
            "generation.approved",
            "image.published",
            "image.restored",
        ]
        by_type = {event["type"]: event["data"] for event in told}
        item = by_type["enhancement.item.completed"]
        assert (item["enhancement"], item["external_id"], item["status"]) == (identity, "e-1", "completed")
        assert item["generations"] == [result["id"]] == [by_type["image.published"]["generation"]]
        assert by_type["enhancement.completed"]["completed"] == 1
        assert len({one.headers["webhook-id"] for one in side.received}) == 5
        for received in side.received:
            verify_event(endpoint["secret"], received)
            with pytest.raises(WebhookVerificationError):
                Webhook(endpoint["secret"]).verify(received.body + b" ", received.headers)

    def test_an_approval_that_is_undone_is_an_event(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, _ = verified
        for _ in range(3):
            enhance_larger(one, make_product)
        work()
        side.received.clear()
        first, second, third = ResultImage.objects.select_related("item__enhancement").order_by("pk")
        review.approve(first, actor=None)
        review.reject(second, actor=None)
        bulk.approve([third], actor=None, publish=True, decision=Decision(wait=600))
        for result in (first, second):
            review.return_to_review(result)
        bulk.undo([third], judgement=True)
        work()
        told = [(event["type"], event["data"]["generation"]) for event in side.events()]
        approved, reopened = "generation.approved", "generation.reopened"
        assert sorted(told) == sorted(
            (kind, str(result.uuid)) for kind in (approved, reopened) for result in (first, third)
        )

    def test_failures_and_cancellations_are_sent(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, _ = verified
        product = make_product(content=b"no picture", sku="bad")
        images = [{"product": f"shop.product:{product.pk}"}]
        one.post("enhancements", {**LARGER, "images": images})
        work()
        identity = enhance_larger(one, make_product)
        one.post(f"enhancements/{identity}/cancel")
        work()
        kinds = [event["type"] for event in side.events()]
        assert sorted(kinds) == ["enhancement.cancelled", "enhancement.failed", "enhancement.item.failed"]

    def test_failed_regeneration_does_not_fail_the_enhancement(
        self,
        verified: tuple[Caller, dict[str, Any]],
        side: OtherSide,
        work: Work,
        make_product: Any,
        settings: Any,
        make_it_vary: Work,
    ) -> None:
        one, _ = verified
        enhance_larger(one, make_product)
        work()
        make_it_vary()
        side.received.clear()
        result = ResultImage.objects.get()
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "MAX_PIXELS": 10}
        review.regenerate(result, actor=None)
        work()
        assert ProviderJob.objects.latest("pk").state == "failed"
        assert [event["type"] for event in side.events()] == ["enhancement.completed"]

    def test_only_subscribed_events_of_the_owner_are_sent(
        self, caller: Call, side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, stranger, test = caller(), caller("stranger"), caller(is_test=True)
        make_endpoint(one, side.address + "/one", events=["enhancement.completed"])
        make_endpoint(stranger, side.address + "/stranger")
        make_endpoint(test, side.address + "/test")
        work()
        side.received.clear()
        enhance_larger(one, make_product)
        work()
        assert [(got.path, got.event["type"]) for got in side.received] == [("/one", "enhancement.completed")]

    def test_rolled_back_events_are_not_sent(self, verified: tuple[Caller, dict[str, Any]], make_product: Any) -> None:
        one, _ = verified
        before = EventDelivery.objects.count()
        product = make_product()
        body = {**LARGER, "options": {"factor": "7"}, "images": [{"product": f"shop.product:{product.pk}"}]}
        assert one.post("enhancements", body).status_code == 400
        assert EventDelivery.objects.count() == before

    def test_webhook_url_of_one_enhancement(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, endpoint = verified
        enhance_larger(one, make_product, webhook_url=side.address + "/run/17")
        work()
        paths = sorted((got.path, got.event["type"]) for got in side.received)
        kinds = ["enhancement.completed", "enhancement.item.completed"]
        assert paths == [(path, kind) for path in ("/hook", "/run/17") for kind in kinds]
        verify_event(endpoint["secret"], side.received[0])
        product = make_product(sku="other")
        body = {**LARGER, "images": [{"product": f"shop.product:{product.pk}"}]}
        response = one.post("enhancements", {**body, "webhook_url": "https://victim.example/hook"})
        assert (response.status_code, response.json()["error"]["code"]) == (400, "unverified_webhook_url")
