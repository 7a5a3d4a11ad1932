"""Work at a provider is looked at until it has an end or reaches a person."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from product_imagery.flows.worker import health, maintenance
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
    WebhookDelivery,
    WorkerLease,
)
from product_imagery.states import EnhancementStatus, ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes
from tests.fakes.webhooks import deliver, paqshot_headers, url_of

pytestmark = pytest.mark.django_db


class TestLooking:
    """Work at a provider does not disappear from sight."""

    def test_looks_that_fail_for_too_long_reach_a_person(self, account: Account, order: Order, fakes: Fakes) -> None:
        order(account("paqshot"))
        hurry(1)
        ProviderJob.objects.update(accepted_at=timezone.now() - timedelta(hours=1))
        fakes.fail("paqshot.read", "status", times=99, status=500)
        hurry(2)
        item = EnhancementItem.objects.get()
        assert (item.status, item.error_code) == (ItemStatus.STALLED, "overdue")

    def test_the_doctor_sees_paid_work_that_nobody_reads(self, account: Account, order: Order, fakes: Fakes) -> None:
        order(account("paqshot"))
        hurry(1)
        WorkerLease.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
        assert health.overdue_work() == 0
        ProviderJob.objects.update(due_at=timezone.now() - timedelta(minutes=5))
        assert health.overdue_work() == 1

    def test_a_call_that_comes_before_the_answer_is_lost_finds_it(
        self,
        paqshot: ProviderCredential,
        order: Order,
        fakes: Fakes,
        client: Client,
    ) -> None:
        order(paqshot)
        fakes.fail("paqshot.create", "lose")
        hurry(1)
        job = ProviderJob.objects.get()
        ProviderJob.objects.update(state=JobState.SENDING)
        body = json.dumps({"id": fakes.created[0].id, "status": "completed"}).encode()
        assert deliver(client, url_of(paqshot, str(job.uuid)), body, paqshot_headers(body)) == 200
        delivery = WebhookDelivery.objects.get()
        assert delivery.processed_at is None
        ProviderJob.objects.update(state=JobState.CHECKING, lease_token=None, leased_until=None)
        hurry()
        assert ProviderJob.objects.get().state == JobState.STALLED
        WebhookDelivery.objects.update(received_at=timezone.now() - timedelta(minutes=2))
        WorkerLease.objects.all().delete()
        run_slice(seconds=0.3)
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
        assert fakes.charged("paqshot") == 1

    def test_a_name_that_cannot_be_looked_up_now_is_no_verdict(
        self, account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enhancement = order(account("aigenstudio"))
        real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", _unknown_once(real))
        hurry(1)
        assert EnhancementItem.objects.get().status != ItemStatus.FAILED
        hurry()
        enhancement.refresh_from_db()
        assert enhancement.status == EnhancementStatus.COMPLETED

    def test_views_for_programs_stay_open_on_a_site_that_asks_everybody_to_log_in(
        self, account: Account, order: Order, fakes: Fakes, client: Client, settings: Any
    ) -> None:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
        credential = account("productai")
        order(credential)
        hurry(1)
        source = fakes.created[0].body["image_url"].removeprefix(fakes.base)
        assert client.get(source).status_code == 200
        assert deliver(client, url_of(credential), b"{}", {}) == 200

    def test_clearing_up_has_its_turn_and_is_not_every_worker_s_business(self, django_assert_num_queries: Any) -> None:
        run_slice(seconds=0.1)
        WorkerLease.objects.update(cleared_at=timezone.now())
        with django_assert_num_queries(1):
            maintenance.clear_up_when_due()


def _unknown_once(real: Any) -> Any:
    failures = [socket.gaierror("temporary failure in name resolution")]

    def lookup(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*arguments, **options)

    return lookup


def test_a_look_that_is_forbidden_concerns_its_job_alone(account: Account, order: Order, fakes: Fakes) -> None:
    """A19: three tries, then a person; the others go on."""
    order(account("productai"))
    hurry(1)
    fakes.fail("productai.read", "status", times=50, status=403)
    hurry()
    fakes.faults.clear()
    order(ProviderCredential.objects.get())
    hurry()
    assert list(ProviderJob.objects.order_by("pk").values_list("state", flat=True)) == [JobState.STALLED, JobState.DONE]
    assert ProviderCredential.objects.get().paused_at is None
