"""Events are sent until the receiver has them or they are given up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from product_imagery.flows.worker import maintenance
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, EventDelivery, WebhookEndpoint
from tests.api.conftest import Caller, enhance_larger, make_attempts_due
from tests.fakes.shop_side import OtherSide
from tests.fakes.statements import failing

pytestmark = pytest.mark.django_db
Call = Callable[..., Caller]
Work = Callable[[], Any]


class TestRetries:
    def test_every_attempt_has_the_same_bytes(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work, make_product: Any
    ) -> None:
        one, endpoint = verified
        side.answers = [(500, {}, b"")] * 4 + [(302, {"Location": side.address + "/elsewhere"}, b"")] * 2
        enhance_larger(one, make_product)
        for _ in range(4):
            work()
            make_attempts_due()
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
            make_attempts_due()
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
        enhance_larger(one, make_product)
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
        enhance_larger(one, make_product)
        run_slice(seconds=2.0)
        assert Enhancement.objects.get().status == "completed"
        assert EventDelivery.objects.filter(state="waiting").count() > 100

    def test_unrecorded_delivery_does_not_stop_the_worker(
        self, verified: tuple[Caller, dict[str, Any]], side: OtherSide, work: Work
    ) -> None:
        one, endpoint = verified
        one.post(f"webhook-endpoints/{endpoint['id']}/test")
        locked = OperationalError("the database is locked")
        with failing(locked, 'UPDATE "product_imagery_eventdelivery"', having="delivered") as stopped:
            run_slice(seconds=1.0)
        assert len(stopped) == 1
        EventDelivery.objects.exclude(lease_token=None).update(leased_until=timezone.now() - timedelta(seconds=1))
        assert work().ran
        assert len({got.headers["webhook-id"] for got in side.received}) == 1
        assert EventDelivery.objects.get(kind="endpoint.test").state == "delivered"


def test_old_deliveries_are_deleted(verified: tuple[Caller, dict[str, Any]]) -> None:
    EventDelivery.objects.update(created_at=timezone.now() - timedelta(days=91))
    maintenance.clear_up()
    assert EventDelivery.objects.count() == 0
