"""What a review found: each sequence by which a picture could have been lost, bought twice or bought unasked."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.db.models import Sum
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter

from product_imagery.exceptions import RequestError
from product_imagery.flows.enhancements import cancel, reconcile, retry
from product_imagery.flows.hosted import calls, credentials
from product_imagery.flows.worker import health, maintenance
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    EnhancementItem,
    LimitUse,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    WebhookDelivery,
    WorkerLease,
    transitions,
)
from product_imagery.net.connections import Connections
from product_imagery.states import EnhancementStatus, ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes
from tests.fakes.webhooks import deliver, paqshot_headers, url_of

pytestmark = pytest.mark.django_db

Person = Callable[..., Client]


def _spent() -> Decimal:
    return CreditEntry.objects.aggregate(total=Sum("amount"))["total"] or Decimal(0)


class TestAnswers:
    """No answer, however odd, takes anything with it."""

    @pytest.mark.parametrize("reason", ["half a pair \ud800", "a NUL \0 inside", "long " * 3000])
    def test_an_odd_text_ends_only_its_own_job(self, reason: str, account: Account, order: Order, fakes: Fakes) -> None:
        enhancement = order(account("paqshot"), 3)
        hurry(1)
        told = json.dumps({"id": "x", "status": "failed", "message": reason}).encode()
        fakes.fail("paqshot.read", "after", status=200, body=told)
        hurry()
        enhancement.refresh_from_db()
        assert enhancement.status == EnhancementStatus.PARTIALLY_COMPLETED
        assert ResultImage.objects.count() == 2

    @pytest.mark.parametrize("identity", ["x" * 121, "nul\0", 7, None])
    def test_an_id_that_is_none_is_an_unreadable_answer(
        self, identity: object, account: Account, order: Order, fakes: Fakes
    ) -> None:
        order(account("paqshot"), 2)
        fakes.fail("paqshot.create", "after", status=202, body=json.dumps({"id": identity}).encode())
        hurry()
        states = sorted(ProviderJob.objects.values_list("state", flat=True))
        assert states in ([JobState.DONE, JobState.STALLED], [JobState.DONE, JobState.DONE])

    def test_a_database_error_loses_no_answer(
        self, account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enhancement = order(account("productai"), 4)
        broken = [OperationalError("deadlock detected")] * 2

        def fails_twice(*arguments: Any, real: Any = transitions.mark_accepted) -> int:
            if broken:
                raise broken.pop()
            return real(*arguments)

        monkeypatch.setattr(transitions, "mark_accepted", fails_twice)
        hurry()
        enhancement.refresh_from_db()
        assert enhancement.status == EnhancementStatus.COMPLETED
        assert fakes.charged("productai") == 4

    def test_preparing_for_longer_than_a_lease_lasts_is_no_reason_not_to_send(
        self, account: Account, order: Order, fakes: Fakes, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "CLAIM_SECONDS": 1.0}

        def slow(*arguments: Any, real: Any = calls.read_source) -> Any:
            time.sleep(2.0)
            return real(*arguments)

        monkeypatch.setattr(calls, "read_source", slow)
        order(account("paqshot"))
        run_slice(seconds=1.0)
        assert fakes.charged("paqshot") == 1
        assert ProviderJob.objects.get().state == JobState.RUNNING


class TestCancelling:
    """What a person cancelled is not bought afterwards."""

    @pytest.mark.parametrize("answer", [{"status": 429}, {"status": 402}, {"status": 401}])
    def test_what_comes_back_to_the_queue_after_it_is_cancelled(
        self, answer: dict[str, int], account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account("productai")
        enhancement = order(credential)
        fakes.fail("productai.create", "status", **answer)
        run_slice(seconds=0.2)
        assert ProviderJob.objects.get().state == JobState.QUEUED
        Enhancement.objects.update(cancelled_at=timezone.now())  # while it was being sent
        credentials.resume(credential)
        hurry()
        cancel.cancel_returned()
        enhancement.refresh_from_db()
        assert enhancement.status == EnhancementStatus.CANCELLED
        assert fakes.created == []
        assert _spent() == 0

    def test_only_what_was_not_sent_is_released(self, account: Account, order: Order, fakes: Fakes) -> None:
        enhancement = order(account("productai"), 3)
        first = ProviderJob.objects.first()
        ProviderJob.objects.filter(pk=first.pk).update(state=JobState.SENDING)
        assert cancel.cancel(enhancement) == 2
        assert _spent() == 3
        assert not CreditEntry.objects.filter(job=first, kind="release").exists()

    def test_neither_cancel_nor_retry_counts_rows(
        self, account: Account, order: Order, django_assert_max_num_queries: Any
    ) -> None:
        enhancement = order(account("productai"), 40)
        with django_assert_max_num_queries(30):
            cancel.cancel(enhancement)
        enhancement.refresh_from_db()
        with django_assert_max_num_queries(25):
            assert retry.retry(enhancement) == 40
        assert _spent() == 120

    def test_another_one_of_a_cancelled_enhancement_is_made(
        self, account: Account, order: Order, fakes: Fakes, person: Person
    ) -> None:
        enhancement = order(account("productai"))
        hurry()
        Enhancement.objects.update(cancelled_at=timezone.now())
        page = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
        person("*").post(page, {"regenerate": ResultImage.objects.get().pk})
        hurry()
        assert fakes.charged("productai") == 2
        assert ResultImage.objects.count() == 2


class TestAccounts:
    """Pauses, outages and changes of accounts."""

    def test_a_key_from_a_file_may_end_with_a_line_feed(
        self, account: Account, order: Order, fakes: Fakes, settings: Any
    ) -> None:
        order(account("productai", key="wrong-key-wrong-key"))
        own = {"provider": "productai", "base_url": f"{fakes.base}/productai", "key": KEYS["productai"] + "\n"}
        keys = {"productai": own}
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "KEYS": keys}
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED

    def test_a_key_that_cannot_be_sent_pauses_the_account_and_stalls_nothing(
        self, account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account("productai", key="loop\u200bback-key-0001")
        order(credential, 3)
        hurry(2)
        credential.refresh_from_db()
        assert "cannot be sent" in credential.paused_reason
        assert set(ProviderJob.objects.values_list("state", flat=True)) == {JobState.QUEUED}
        assert fakes.calls == []

    @pytest.mark.parametrize("change", [{"is_active": False}, {"paused_at": timezone.now()}])
    def test_what_is_paid_for_is_collected_although_nothing_new_is_bought(
        self, change: dict[str, Any], account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account("paqshot")
        order(credential)
        hurry(1)
        order(credential)
        ProviderCredential.objects.update(**change)
        ProviderJob.objects.filter(state=JobState.RUNNING).update(due_at=timezone.now())
        run_slice(seconds=0.5)
        assert sorted(ProviderJob.objects.values_list("state", flat=True)) == [JobState.DONE, JobState.QUEUED]
        assert fakes.charged("paqshot") == 1

    def test_an_outage_slows_the_account_down_instead_of_parking_the_queue(
        self, account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account("productai")
        order(credential, 30)
        fakes.fail("productai.create", "after", times=100, status=503)
        for _ in range(4):
            ProviderCredential.objects.update(cooldown_until=None)
            LimitUse.objects.all().delete()
            run_slice(seconds=0.2)
        credential.refresh_from_db()
        lost = ProviderJob.objects.exclude(state=JobState.QUEUED).count()
        assert lost <= 6  # the threads that these tests give an account
        assert credential.creates_after > timezone.now()
        fakes.faults.clear()
        hurry(8)
        credential.refresh_from_db()
        assert credential.consecutive_failures == 0

    def test_being_asked_to_slow_down_without_a_time_doubles_it(
        self, account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account("productai")
        order(credential)
        fakes.fail("productai.create", "status", times=100, status=429)
        rests = []
        for _ in range(6):
            ProviderJob.objects.update(due_at=timezone.now())
            ProviderCredential.objects.update(cooldown_until=None)
            run_slice(seconds=0.2)
            credential.refresh_from_db()
            rests.append((credential.cooldown_until - timezone.now()).total_seconds())
        assert rests[-1] > 8 * rests[0]

    def test_a_lost_create_is_not_repeated_with_another_account(
        self, account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account("aigenstudio")
        order(credential)
        fakes.fail("aigenstudio.create", "lose")
        hurry(1)
        credential.set_secret("aigen_live_another_account_01")
        credential.save()
        hurry()
        assert fakes.charged("aigenstudio") == 1
        assert len([call for call in fakes.headers if call.get("idempotency-key")]) == 1
        assert "another key" in EnhancementItem.objects.get().error_message

    def test_the_same_bytes_go_under_the_same_key_again(self, account: Account, order: Order, fakes: Fakes) -> None:
        order(account("aigenstudio"))
        fakes.fail("aigenstudio.create", "status", times=2, status=429)
        sent = set()
        for _ in range(3):
            time.sleep(1.1)  # a new signature of the source's address would differ
            hurry(1)
            sent.add(bytes(ProviderJob.objects.get().intent))
        assert [kind for _, _, kind in fakes.calls].count("aigenstudio.create") == 3
        assert len(sent) == 1
        assert fakes.charged("aigenstudio") == 1

    def test_a_job_larger_than_a_lowered_limit_goes_alone(self, account: Account, order: Order, fakes: Fakes) -> None:
        credential = account("aigenstudio")
        enhancement = order(credential, 13)
        credential.own_limits = {"images": [10, 3600]}
        credential.save()
        hurry()
        enhancement.refresh_from_db()
        assert enhancement.status == EnhancementStatus.COMPLETED

    @pytest.mark.parametrize(
        "fields", [{"own_limits": [1]}, {"own_limits": {"requests": [0, 1]}}, {"base_url": "http://api.example.com"}]
    )
    def test_what_cannot_be_right_is_refused(self, fields: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            ProviderCredential(provider="paqshot", label="New", **fields).clean()

    def test_the_stored_key_is_not_sent_to_another_address(self, account: Account, person: Person) -> None:
        credential = account("paqshot")
        page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
        form = {"label": "paqshot", "base_url": "https://elsewhere.example.com", "own_limits": "{}", "is_active": "on"}
        text = person("*").post(page, form).content.decode()
        assert "enter it again" in text
        credential.refresh_from_db()
        assert "elsewhere" not in credential.base_url

    def test_a_new_key_can_be_tried_before_the_account_is_resumed(self, account: Account, fakes: Fakes) -> None:
        credential = account("aigenstudio")
        credential.pause("by hand", stops_reads=True)
        assert "accepts the key" in credentials.check(credential)

    def test_resuming_does_not_hurry_what_was_lost(self, account: Account, order: Order, fakes: Fakes) -> None:
        credential = account("paqshot")
        order(credential)
        fakes.fail("paqshot.create", "lose")
        hurry(1)
        before = ProviderJob.objects.get(state=JobState.CHECKING).due_at
        credentials.resume(credential)
        assert ProviderJob.objects.get().due_at == before


class TestMoney:
    """Budgets and bookings."""

    def test_what_is_released_of_yesterday_is_no_money_for_today(self, account: Account, order: Order) -> None:
        credential = account("productai", budget_day=Decimal(30))
        yesterday = order(credential, 10)
        CreditEntry.objects.update(at=timezone.now() - timedelta(days=1))
        cancel.cancel(yesterday)
        order(credential, 10)
        with pytest.raises(RequestError, match="0 are left"):
            order(credential)

    def test_a_collected_result_that_is_given_up_is_not_collected_again(
        self, account: Account, order: Order, fakes: Fakes
    ) -> None:
        enhancement = order(account("productai"))
        fakes.picture = b"<html>gone</html>"
        hurry(14)
        retry.retry(enhancement)
        fakes.fail("productai.read", "status", times=99, status=404)
        hurry(14)
        stalled = ProviderJob.objects.get(state=JobState.STALLED)
        reconcile.give_up(stalled, None)
        fakes.faults.clear()
        fakes.picture = Fakes().picture
        enhancement.refresh_from_db()
        retry.retry(enhancement)
        hurry()
        assert fakes.charged("productai") == 2
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


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


def test_trying_again_needs_the_permission_to_spend(
    account: Account, order: Order, fakes: Fakes, person: Person
) -> None:
    enhancement = order(account("productai"))
    hurry(1)
    fakes.statuses[fakes.created[0].id] = "ERROR"
    hurry()
    page = reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])
    thrifty = person("view_product", "view_enhancement", "cancel_enhancement")
    assert 'name="retry"' not in thrifty.get(page).content.decode()
    assert thrifty.post(page, {"retry": "1"}).status_code == 403
    spender = person("view_product", "cancel_enhancement", "start_enhancement")
    assert 'name="retry"' in spender.get(page).content.decode()
    spender.post(page, {"retry": "1"})
    assert ProviderJob.objects.count() == 2


def test_an_account_that_hangs_leaves_threads_to_the_others(account: Account, order: Order, fakes: Fakes) -> None:
    """Of eight threads six go to twelve jobs that hang; those of the other account are done meanwhile."""
    order(account("paqshot"), 12)
    quick = order(account("productai"), 4)
    fakes.fail("paqshot.create", "hang", times=12)
    hanging: list[int] = []

    def watch() -> None:
        ProviderJob.objects.filter(state=JobState.RUNNING, leased_until=None).update(due_at=Now())
        if not hanging and quick.items.filter(status=ItemStatus.COMPLETED).count() == 4:
            hanging.append([route for _, _, route in fakes.calls].count("paqshot.create"))
            fakes.released.set()

    timer = threading.Timer(30, fakes.released.set)
    timer.start()
    run_slice(until_idle=True, watch=watch)
    timer.cancel()
    assert hanging == [6]
    assert not EnhancementItem.objects.exclude(status=ItemStatus.COMPLETED).exists()


class TestKeysInReports:
    """Reports of errors list the variables of every step: the key is in none of them."""

    _CANARY = "a_canary_key_that_was_sent_0001"

    @pytest.fixture
    def broken(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> ProviderCredential:
        """An account at which sending fails in a way that nobody foresaw."""

        def stream(self: Connections, request: Any, *, fresh: bool = False) -> Any:
            sent = {name.decode(): value.decode() for name, value in request.headers}
            assert TestKeysInReports._CANARY in str(sent)  # it is really under way
            raise RuntimeError("nobody foresaw this")

        monkeypatch.setattr(Connections, "stream", stream)
        return account("paqshot", key=self._CANARY)

    def test_a_worker_s_log(self, broken: ProviderCredential, order: Order, caplog: pytest.LogCaptureFixture) -> None:
        order(broken)
        run_slice(seconds=0.3)
        assert "nobody foresaw" in caplog.text
        assert self._CANARY not in caplog.text
        assert not any(record.exc_info for record in caplog.records)

    def test_an_error_page_and_an_error_mail(self, broken: ProviderCredential) -> None:
        try:
            credentials.check(broken)
        except RuntimeError:
            kind, error, frames = sys.exc_info()
            report = ExceptionReporter(None, kind, error, frames.tb_next if frames else None)
        steps = [step for step in report.get_traceback_frames() if "product_imagery" in step["filename"]]
        assert len(steps) > 4
        shown = [value for step in steps if "test_" not in step["filename"] for value in step["vars"]]
        assert not [value for value in shown if self._CANARY in repr(value)]
