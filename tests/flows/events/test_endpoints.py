"""Endpoints prove themselves before they get events, and their secrets rotate."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import WebhookVerificationError

from product_imagery.flows.events import sender
from product_imagery.flows.hosted import credentials
from product_imagery.models import EventDelivery, StoredResponse, WebhookEndpoint
from tests.api.conftest import Caller, enhance_larger, make_attempts_due, make_endpoint, verify_event
from tests.fakes.shop_side import OtherSide

pytestmark = pytest.mark.django_db
Call = Callable[..., Caller]
Work = Callable[[], Any]


class TestChallenge:
    def test_endpoint_is_active_after_the_challenge(self, caller: Call, side: OtherSide, work: Work) -> None:
        one = caller()
        endpoint = make_endpoint(one, side.address + "/hook", events=["enhancement.completed"], description="PIM")
        assert (endpoint["state"], endpoint["secret"][:6]) == ("pending", "whsec_")
        work()
        (asked,) = side.received
        assert asked.event["type"] == "endpoint.verification"
        verify_event(endpoint["secret"], asked)
        shown = one.get(f"webhook-endpoints/{endpoint['id']}").json()["webhook_endpoint"]
        assert (shown["state"], "secret" in shown) == ("active", False)
        assert one.post(f"webhook-endpoints/{endpoint['id']}/verify").status_code == 409

    def test_endpoint_that_fails_the_challenge_gets_no_event(
        self, caller: Call, side: OtherSide, work: Work, make_product: Any
    ) -> None:
        side.echoes = False
        one = caller()
        endpoint = make_endpoint(one, side.address + "/victim")
        work()
        enhance_larger(one, make_product)
        work()
        make_attempts_due()
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
        enhance_larger(one, make_product)
        settings.PRODUCT_IMAGERY = {"PROCESSES": 1}  # the guard looks again at each delivery
        work()
        assert side.received == []
        deliveries = one.get(f"webhook-endpoints/{endpoint['id']}/deliveries").json()["deliveries"]
        notes = {entry["note"] for entry in deliveries if entry["state"] == "waiting"}
        assert notes == {"The address could not be reached."}


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
            verify_event(secret, side.received[0])
        stored = WebhookEndpoint.objects.get()
        for sealed in stored.sealed[1:]:
            sealed["until"] = (timezone.now() - timedelta(seconds=1)).isoformat()
        stored.save()
        one.post(f"webhook-endpoints/{endpoint['id']}/test")
        work()
        verify_event(fresh, side.received[1])
        with pytest.raises(WebhookVerificationError):
            verify_event(endpoint["secret"], side.received[1])
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
            verify_event(secret, side.received[0])

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
        make_attempts_due()
        work()
        verify_event(endpoint["secret"], side.received[0])

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
