"""Accounts: checks, pauses, new keys and webhook addresses."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from product_imagery.flows.hosted import credentials
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    EnhancementItem,
    LimitUse,
    ProviderCredential,
    ProviderJob,
)
from product_imagery.models.credential_secrets import OVERLAP
from product_imagery.states import EnhancementStatus, ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes
from tests.fakes.webhooks import aigen_headers, deliver, paqshot_headers, url_of

pytestmark = pytest.mark.django_db
Person = Callable[..., Client]


class TestAddresses:
    """K13: an address for webhooks that has become known is replaced, without losing a call."""

    def test_the_old_one_works_through_the_overlap(
        self,
        paqshot: ProviderCredential,
        client: Client,
        person: Person,
    ) -> None:
        body, old = b'{"id": "gen_1"}', url_of(paqshot)
        change = reverse("admin:product_imagery_providercredential_changelist")
        chosen = {"action": "move_webhook", "_selected_action": [str(paqshot.pk)]}
        person("view_providercredential").post(change, chosen)
        assert url_of(ProviderCredential.objects.get()) == old
        person("change_providercredential", "view_providercredential").post(change, chosen)
        new = url_of(ProviderCredential.objects.get())
        assert new != old
        for address in (old, new):
            assert deliver(client, address, body, paqshot_headers(body)) == 200
        ProviderCredential.objects.update(moved_at=timezone.now() - timedelta(seconds=OVERLAP + 1))
        assert deliver(client, old, body, paqshot_headers(body)) == 404
        assert deliver(client, new, body, paqshot_headers(body)) == 200

    def test_it_is_shown_with_a_button(self, paqshot: ProviderCredential, person: Person) -> None:
        page = person("*").get(reverse("admin:product_imagery_providercredential_change", args=[paqshot.pk]))
        assert f"{url_of(paqshot)}" in page.content.decode()
        assert 'data-copies="imagery-webhook"' in page.content.decode()


def test_moving_twice_forgets_the_oldest(account: Account, client: Client) -> None:
    credential = account("aigenstudio")
    addresses = [url_of(credential)]
    for _ in range(2):
        credentials.move_webhook(ProviderCredential.objects.get())
        addresses.append(url_of(ProviderCredential.objects.get()))
    statuses = [deliver(client, address, b"{}", aigen_headers(b"{}")) for address in addresses]
    assert statuses == [404, 200, 200]


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
        form = {"label": "paqshot", "base_url": "https://elsewhere.example.com", "is_active": "on"}
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
