"""Outgoing webhooks: challenge, signed events, retries, secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from product_imagery.flows.events import sender
from product_imagery.flows.hosted import credentials
from product_imagery.flows.results import review
from product_imagery.flows.worker import maintenance
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, EventDelivery, ProviderJob, ResultImage, StoredResponse, WebhookEndpoint
from tests.api.conftest import Caller
from tests.fakes.shop_side import OtherSide, Received

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]
Work = Callable[[], Any]
LARGER: dict[str, Any] = {"operation": "upscale", "options": {"factor": "2"}}


def _make(one: Caller, url: str, **fields: Any) -> dict[str, Any]:
    response = one.post("webhook-endpoints", {"url": url, **fields})
    assert response.status_code == 201, response.content
    return dict(response.json()["webhook_endpoint"])


def _verified(secret: str, received: Received) -> Any:
    return Webhook(secret).verify(received.body, received.headers)


@pytest.fixture
def verified(caller: Call, side: OtherSide, work: Work) -> tuple[Caller, dict[str, Any]]:
    """A caller, and its endpoint that has passed the challenge."""
    one = caller()
    endpoint = _make(one, side.address + "/hook")
    work()
    side.received.clear()
    return one, endpoint


def _enhance(one: Caller, make_product: Any, **fields: Any) -> str:
    product = make_product(sku=f"sku-{Enhancement.objects.count()}")
    body = {**LARGER, "images": [{"product": f"shop.product:{product.pk}", "external_id": "e-1"}], **fields}
    response = one.post("enhancements", body)
    assert response.status_code == 202, response.content
    return str(response.json()["enhancement"]["id"])


def _again() -> None:
    """Time passes until the next attempts are due."""
    EventDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))


class TestChallenge:
    def test_endpoint_is_active_after_the_challenge(self, caller: Call, side: OtherSide, work: Work) -> None:
        one = caller()
        endpoint = _make(one, side.address + "/hook", events=["enhancement.completed"], description="PIM")
        assert (endpoint["state"], endpoint["secret"][:6]) == ("pending", "whsec_")
        work()
        (asked,) = side.received
        assert asked.event["type"] == "endpoint.verification"
        _verified(endpoint["secret"], asked)
        shown = one.get(f"webhook-endpoints/{endpoint['id']}").json()["webhook_endpoint"]
        assert (shown["state"], "secret" in shown) == ("active", False)
        assert one.post(f"webhook-endpoints/{endpoint['id']}/verify").status_code == 409

    def test_endpoint_that_fails_the_challenge_gets_no_event(
        self, caller: Call, side: OtherSide, work: Work, make_product: Any
    ) -> None:
        side.echoes = False
        one = caller()
        endpoint = _make(one, side.address + "/victim")
        work()
        _enhance(one, make_product)
        work()
        _again()
        work()
        assert len(side.received) == 1
        shown = one.get(f"webhook-endpoints/{endpoint['id']}").json()["webhook_endpoint"]
        assert shown["state"] == "pending"
        assert "challenge" in shown["note"]
        side.echoes = True
        assert one.post(f"webhook-endpoints/{endpoint['id']}/verify").status_code == 200
        work()
        assert one.get(f"webhook-endpoints/{endpoint['id']}").json()["webhook_endpoint"]["state"] == "active"

    @pytest.mark.parametrize(
        "url",
        ["http://shop.example/hook", "https://127.0.0.1/hook", "https://shop.internal/hook", "ftp://a.example", "x"],
    )
    def test_unsafe_urls_are_refused(self, url: str, caller: Call) -> None:
        response = caller().post("webhook-endpoints", {"url": url})
        assert response.status_code == 400
        assert "url" in response.json()["error"]["details"]
        assert WebhookEndpoint.objects.count() == 0

    def test_url_that_became_internal_is_not_called(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any, settings: Any
    ) -> None:
        one, endpoint = verified
        _enhance(one, make_product)
        settings.PRODUCT_IMAGERY = {"PROCESSES": 1}  # the guard looks again at each delivery
        work()
        assert side.received == []
        deliveries = one.get(f"webhook-endpoints/{endpoint['id']}/deliveries").json()["deliveries"]
        notes = {entry["note"] for entry in deliveries if entry["state"] == "waiting"}
        assert notes == {"The address could not be reached."}


class TestEvents:
    def test_events_of_a_complete_enhancement(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, endpoint = verified
        identity = _enhance(one, make_product)
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
            _verified(endpoint["secret"], received)
            with pytest.raises(WebhookVerificationError):
                Webhook(endpoint["secret"]).verify(received.body + b" ", received.headers)

    def test_failures_and_cancellations_are_sent(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, _ = verified
        product = make_product(content=b"no picture", sku="bad")
        images = [{"product": f"shop.product:{product.pk}"}]
        one.post("enhancements", {**LARGER, "images": images})
        work()
        identity = _enhance(one, make_product)
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
        _enhance(one, make_product)
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
        _make(one, side.address + "/one", events=["enhancement.completed"])
        _make(stranger, side.address + "/stranger")
        _make(test, side.address + "/test")
        work()
        side.received.clear()
        _enhance(one, make_product)
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
        _enhance(one, make_product, webhook_url=side.address + "/run/17")
        work()
        paths = sorted((got.path, got.event["type"]) for got in side.received)
        kinds = ["enhancement.completed", "enhancement.item.completed"]
        assert paths == [(path, kind) for path in ("/hook", "/run/17") for kind in kinds]
        _verified(endpoint["secret"], side.received[0])
        product = make_product(sku="other")
        body = {**LARGER, "images": [{"product": f"shop.product:{product.pk}"}]}
        response = one.post("enhancements", {**body, "webhook_url": "https://victim.example/hook"})
        assert (response.status_code, response.json()["error"]["code"]) == (400, "unverified_webhook_url")


class TestRetries:
    def test_every_attempt_has_the_same_bytes(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, endpoint = verified
        side.answers = [(500, {}, b"")] * 4 + [(302, {"Location": side.address + "/elsewhere"}, b"")] * 2
        _enhance(one, make_product)
        for _ in range(4):
            work()
            _again()
        by_id: dict[str, set[bytes]] = {}
        for got in side.received:
            by_id.setdefault(got.headers["webhook-id"], set()).add(got.body)
            assert got.path == "/hook"  # no redirect is followed
        assert (len(side.received), len(by_id)) == (8, 2)
        assert all(len(bodies) == 1 for bodies in by_id.values())
        listed = one.get(f"webhook-endpoints/{endpoint['id']}/deliveries?state=delivered").json()["deliveries"]
        assert {entry["attempts"] for entry in listed} >= {4}

    def test_waits_grow_until_the_last_attempt(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, endpoint = verified
        response = one.post(f"webhook-endpoints/{endpoint['id']}/test")
        assert response.status_code == 202
        side.answers = [(500, {}, b"")] * 10
        waits = []
        for _ in range(10):
            work()
            delivery = EventDelivery.objects.get(kind="endpoint.test")
            waits.append((delivery.due_at - timezone.now()).total_seconds())
            _again()
        assert delivery.state == "failed"
        assert waits[:6] == sorted(waits[:6])
        assert 4 <= waits[0] + 1 <= 8
        assert 24 * 3600 * 0.7 < waits[8] < 24 * 3600 * 1.3
        assert one.get(f"webhook-endpoints/{endpoint['id']}").json()["webhook_endpoint"]["failing_since"]
        again = one.post(f"webhook-endpoints/{endpoint['id']}/deliveries/{delivery.uuid}/redeliver")
        assert again.status_code == 202
        work()
        assert side.received[-1].headers["webhook-id"] == side.received[0].headers["webhook-id"]
        shown = one.get(f"webhook-endpoints/{endpoint['id']}").json()["webhook_endpoint"]
        assert shown["failing_since"] is None

    def test_retry_after_of_the_receiver_is_respected(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work
    ) -> None:
        one, endpoint = verified
        one.post(f"webhook-endpoints/{endpoint['id']}/test")
        side.answers = [(429, {"Retry-After": "900"}, b"")]
        work()
        wait = EventDelivery.objects.get(kind="endpoint.test").due_at - timezone.now()
        assert 890 < wait.total_seconds() <= 900

    def test_410_disables_the_endpoint(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, endpoint = verified
        side.answers = [(410, {}, b"")]
        one.post(f"webhook-endpoints/{endpoint['id']}/test")
        work()
        shown = one.get(f"webhook-endpoints/{endpoint['id']}").json()["webhook_endpoint"]
        assert (shown["state"], "410" in shown["note"]) == ("disabled", True)
        _enhance(one, make_product)
        work()
        assert len(side.received) == 1
        refused = one.post(f"webhook-endpoints/{endpoint['id']}/test")
        assert refused.status_code == 409

    def test_five_days_of_failure_disable_the_endpoint(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work
    ) -> None:
        one, endpoint = verified
        WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=6))
        side.answers = [(500, {}, b"")]
        one.post(f"webhook-endpoints/{endpoint['id']}/test")
        work()
        assert one.get(f"webhook-endpoints/{endpoint['id']}").json()["webhook_endpoint"]["state"] == "disabled"

    def test_deliveries_of_a_dead_worker_are_sent_again(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work
    ) -> None:
        one, endpoint = verified
        one.post(f"webhook-endpoints/{endpoint['id']}/test")
        (taken,) = EventDelivery.objects.acquire_due(most=4, each=4, busy={}, seconds=60)
        assert EventDelivery.objects.acquire_due(most=4, each=4, busy={}, seconds=60) == []
        EventDelivery.objects.exclude(lease_token=None).update(leased_until=timezone.now() - timedelta(seconds=1))
        work()
        assert [got.headers["webhook-id"] for got in side.received] == [taken.message_id]

    def test_one_endpoint_gets_a_share_of_the_deliveries(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, caller: Call
    ) -> None:
        one, _ = verified
        slow = WebhookEndpoint.objects.get()
        other = WebhookEndpoint.objects.create(owner=one.key.owner, url=side.address + "/b", state="active")
        for endpoint, count in ((slow, 50), (other, 3)):
            for _ in range(count):
                EventDelivery.objects.create(endpoint=endpoint, kind="endpoint.test", body="{}")
        taken = EventDelivery.objects.acquire_due(most=16, each=4, busy={slow.pk: 1}, seconds=60)
        assert sorted(delivery.endpoint_id for delivery in taken) == sorted([slow.pk] * 3 + [other.pk] * 3)

    def test_many_events_do_not_delay_pictures(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, make_product: Any
    ) -> None:
        """A slice of the worker loop ends although events are left, and makes pictures meanwhile."""
        one, _ = verified
        side.slow = 0.3
        endpoint = WebhookEndpoint.objects.get()
        EventDelivery.objects.bulk_create(
            EventDelivery(endpoint=endpoint, kind="endpoint.test", body='{"data": {}}') for _ in range(200)
        )
        _enhance(one, make_product)
        run_slice(seconds=2.0)
        assert Enhancement.objects.get().status == "completed"
        assert EventDelivery.objects.filter(state="waiting").count() > 100

    def test_unrecorded_delivery_does_not_stop_the_worker(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, endpoint = verified
        one.post(f"webhook-endpoints/{endpoint['id']}/test")

        def broken(attempt: Any) -> None:
            raise OperationalError("the database is locked")

        with monkeypatch.context() as patched:
            patched.setattr(sender, "_arrived", broken)
            run_slice(seconds=1.0)
        EventDelivery.objects.exclude(lease_token=None).update(leased_until=timezone.now() - timedelta(seconds=1))
        assert work().ran
        assert len({got.headers["webhook-id"] for got in side.received}) == 1
        assert EventDelivery.objects.get(kind="endpoint.test").state == "delivered"


class TestSecrets:
    def test_old_and_new_secret_sign_for_a_day_after_rotation(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work
    ) -> None:
        one, endpoint = verified
        response = one.post(f"webhook-endpoints/{endpoint['id']}/rotate", key="rotate-once")
        fresh = response.json()["webhook_endpoint"]["secret"]
        assert fresh != endpoint["secret"]
        one.post(f"webhook-endpoints/{endpoint['id']}/test")
        work()
        for secret in (fresh, endpoint["secret"]):
            _verified(secret, side.received[0])
        stored = WebhookEndpoint.objects.get()
        for sealed in stored.sealed[1:]:
            sealed["until"] = (timezone.now() - timedelta(seconds=1)).isoformat()
        stored.save()
        one.post(f"webhook-endpoints/{endpoint['id']}/test")
        work()
        _verified(fresh, side.received[1])
        with pytest.raises(WebhookVerificationError):
            _verified(endpoint["secret"], side.received[1])
        again = one.post(f"webhook-endpoints/{endpoint['id']}/rotate", key="rotate-once")
        assert again.content == response.content

    def test_all_secrets_of_a_day_sign(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work
    ) -> None:
        one, endpoint = verified
        path = f"webhook-endpoints/{endpoint['id']}"
        all = [endpoint["secret"]]
        all += [one.post(f"{path}/rotate").json()["webhook_endpoint"]["secret"] for _ in range(3)]
        one.post(f"{path}/test")
        work()
        for secret in all:
            _verified(secret, side.received[0])

    def test_unreadable_secret_delays_events_without_a_failure(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, settings: Any
    ) -> None:
        one, endpoint = verified
        one.post(f"webhook-endpoints/{endpoint['id']}/test")
        key = settings.SECRET_KEY
        settings.SECRET_KEY = "lost for a while"
        for delivery in EventDelivery.objects.acquire_due(most=1, each=1, busy={}, seconds=60):
            sender.record(sender.perform(delivery))
        waiting = EventDelivery.objects.get(kind="endpoint.test")
        assert (waiting.state, waiting.attempts, "cannot be read" in waiting.note) == ("waiting", 0, True)
        assert WebhookEndpoint.objects.get().failing_since is None
        settings.SECRET_KEY = key
        _again()
        work()
        _verified(endpoint["secret"], side.received[0])

    def test_secrets_are_stored_sealed(self, verified: tuple[Caller, dict[str, Any]], settings: Any) -> None:
        one, endpoint = verified
        secret = endpoint["secret"]
        stored = json.dumps(list(WebhookEndpoint.objects.values_list("sealed")), default=str)
        stored += json.dumps(list(StoredResponse.objects.values_list("body")), default=str)
        assert secret not in stored
        assert secret.removeprefix("whsec_") not in stored
        for path in ("webhook-endpoints", f"webhook-endpoints/{endpoint['id']}"):
            assert secret not in one.get(path).content.decode()
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another one from now on"
        done, unreadable = credentials.renew_encryption()
        assert (done >= 1, unreadable) == (True, [])
        settings.SECRET_KEY_FALLBACKS = []
        keys = WebhookEndpoint.objects.get().signing_keys()
        assert len(keys[0]) == 32


def test_endpoints_require_ownership_and_scope(verified: tuple[Caller, dict[str, Any]], caller: Call) -> None:
    one, endpoint = verified
    stranger, reader = caller("stranger"), caller(scopes=("read", "enhance"))
    for path in ("", "/deliveries"):
        assert stranger.get(f"webhook-endpoints/{endpoint['id']}{path}").status_code == 404
    for step in ("verify", "rotate", "test"):
        assert stranger.post(f"webhook-endpoints/{endpoint['id']}/{step}").status_code == 404
        assert reader.post(f"webhook-endpoints/{endpoint['id']}/{step}").status_code == 403
    assert reader.get(f"webhook-endpoints/{endpoint['id']}").status_code == 200
    assert stranger.delete(f"webhook-endpoints/{endpoint['id']}").status_code == 404
    assert one.delete(f"webhook-endpoints/{endpoint['id']}").status_code == 200
    assert WebhookEndpoint.objects.count() == EventDelivery.objects.count() == 0


def test_old_deliveries_are_deleted(verified: tuple[Caller, dict[str, Any]]) -> None:
    EventDelivery.objects.update(created_at=timezone.now() - timedelta(days=91))
    maintenance.clear_up()
    assert EventDelivery.objects.count() == 0
