"""Responses to calls, however odd, end only their own job."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.db.models.functions import Now

from product_imagery.flows.hosted import inputs
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    CreditEntry,
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    transitions,
)
from product_imagery.models.credential_availability import AvailabilityQuerySet
from product_imagery.states import EnhancementStatus, ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


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
        assert sorted(ProviderJob.objects.values_list("state", flat=True)) == [JobState.DONE, JobState.STALLED]

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

        def slow(*arguments: Any, real: Any = inputs.read_source) -> Any:
            time.sleep(2.0)
            return real(*arguments)

        monkeypatch.setattr(inputs, "read_source", slow)
        order(account("paqshot"))
        run_slice(seconds=1.0)
        assert fakes.charged("paqshot") == 1
        assert ProviderJob.objects.get().state == JobState.RUNNING


def _booked() -> int:
    return int(sum(entry.amount for entry in CreditEntry.objects.all()))


def test_after_a_refusal_what_is_gone_is_not_ordered(account: Account, order: Order, fakes: Fakes) -> None:
    """A3: refused for now with three pictures; one of them vanishes before the next try."""
    order(account("aigenstudio"), 3)
    fakes.fail("aigenstudio.create", "status", status=429)
    hurry(1)
    default_storage.delete(EnhancementItem.objects.order_by("pk")[0].source_name)
    hurry()
    statuses = list(EnhancementItem.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == [ItemStatus.FAILED, ItemStatus.COMPLETED, ItemStatus.COMPLETED]
    assert (fakes.charged("aigenstudio"), _booked()) == (2, 10)
    keys = [call["idempotency-key"] for call in fakes.headers if "idempotency-key" in call]
    assert len(set(keys)) == 2  # other bytes, another key


def test_a_refusal_under_http_200_is_a_refusal(account: Account, order: Order, fakes: Fakes) -> None:
    """A8."""
    order(account("productai"))
    told = json.dumps({"status": "ERROR", "message": "The image cannot be fetched.", "code": "INVALID_IMAGE_URL"})
    fakes.fail("productai.create", "status", status=200, body=told.encode())
    hurry(1)
    item = EnhancementItem.objects.get()
    assert (item.status, item.error_message) == (
        ItemStatus.FAILED,
        "ProductAI.photo refused the request. It says: “The image cannot be fetched.”",
    )
    assert _booked() == 0


@pytest.mark.parametrize("change", [{"is_active": False}, {"paused_at": Now()}])
def test_what_was_leased_is_not_sent_when_the_account_is_stopped(
    change: dict[str, Any], account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J5: switched off between a lease and its call."""
    order(account("productai"), 2)
    real, refused = AvailabilityQuerySet.allowed_to_buy, []

    def stopped(accounts: Any, pks: Any) -> set[int]:
        ProviderCredential.objects.update(**change)
        allowed = real(accounts, pks)
        refused.extend(set(pks) - allowed)
        return allowed

    monkeypatch.setattr(AvailabilityQuerySet, "allowed_to_buy", stopped)
    hurry(2)
    assert refused
    assert fakes.calls == []
    assert set(ProviderJob.objects.values_list("state", flat=True)) == {JobState.QUEUED}
    monkeypatch.undo()


def test_what_helps_the_vendor_to_find_a_request_is_kept(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("aigenstudio"))
    told = {"error": {"code": "invalid_payload", "message": "Not so.", "request_id": "req_SUPPORT"}}
    fakes.fail("aigenstudio.create", "status", status=422, body=json.dumps(told).encode())
    hurry(1)
    assert "req_SUPPORT" in EnhancementItem.objects.get().error_detail
    assert fakes.headers[0]["x-request-id"] == fakes.headers[0]["idempotency-key"]
