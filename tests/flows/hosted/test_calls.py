"""Responses to calls, however odd, end only their own job."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.db import OperationalError

from product_imagery.flows.hosted import calls
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    ProviderJob,
    ResultImage,
    transitions,
)
from product_imagery.states import EnhancementStatus, JobState
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
