"""Providers that behave oddly, case by case of the fault list."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from example_project.shop.models import Product
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.models import (
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
    ResultImage,
)
from product_imagery.products import description_of
from product_imagery.states import ItemStatus, JobState
from tests.conftest import draw_product, encoded
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


def test_a_status_that_goes_back_changes_nothing(account: Account, order: Order, fakes: Fakes) -> None:
    """A13: the first end with a stored picture stays."""
    order(account("paqshot"))
    hurry()
    (job, result) = ProviderJob.objects.get(), ResultImage.objects.get()
    fakes.statuses[job.remote_id] = "processing"
    hurry()
    assert ProviderJob.objects.get().state == JobState.DONE
    assert ResultImage.objects.get() == result


@pytest.mark.parametrize("address", [None, "", 7])
def test_completed_without_a_picture_ends_with_its_reason(
    address: object, account: Account, order: Order, fakes: Fakes
) -> None:
    """A14."""
    order(account("paqshot"))
    hurry(1)
    told = json.dumps({"id": "x", "status": "completed", "image_url": address}).encode()
    fakes.fail("paqshot.read", "after", times=100, status=200, body=told)
    hurry(3)
    assert EnhancementItem.objects.get().error_message  # why it still waits
    ProviderJob.objects.update(accepted_at=timezone.now() - timedelta(days=3))
    hurry(3)
    item = EnhancementItem.objects.get()
    assert (item.status, item.error_code) == (ItemStatus.STALLED, "overdue")
    assert fakes.charged("paqshot") == 1


def test_a_key_is_not_relied_on_for_longer_than_a_day(account: Account, order: Order, fakes: Fakes) -> None:
    """A17: nothing says how long AI Gen Studio remembers an idempotency key."""
    order(account("aigenstudio"))
    fakes.fail("aigenstudio.create", "lose")
    hurry(1)
    ProviderJob.objects.update(intent_at=timezone.now() - timedelta(hours=25))
    hurry()
    assert ProviderJob.objects.get().state == JobState.STALLED
    assert len(fakes.created) == 1


@pytest.mark.parametrize("provider", ["aigenstudio", "productai", "pergai", "paqshot"])
def test_no_redirect_of_a_provider_is_followed(provider: str, account: Account, order: Order, fakes: Fakes) -> None:
    """A22: no second host sees a request or a key."""
    route = f"{provider}.create"
    order(account(provider))
    fakes.fail(route, "status", times=50, status=307, headers={"Location": f"{fakes.base}/elsewhere/stolen"})
    hurry(5)
    assert not any("elsewhere" in route for _, _, route in fakes.calls)
    assert fakes.charged(provider) == 0


@pytest.mark.parametrize(("size", "expected"), [((60, 200), ["tiny"]), (None, ["unchanged"]), ((300, 300), [])])
def test_a_result_that_cannot_be_meant_carries_a_warning(
    size: tuple[int, int] | None, expected: list[str], account: Account, order: Order, fakes: Fakes
) -> None:
    """E16: it is stored, and the reviewer is told."""
    fakes.picture = encoded(draw_product(size), "PNG") if size else encoded(draw_product())
    order(account("paqshot"))
    hurry()
    result = ResultImage.objects.get()
    assert result.warnings == expected


@pytest.mark.parametrize("lost", [0, 2])
def test_a_tool_that_answers_with_its_picture_is_done(
    lost: int, account: Account, make_product: Any, fakes: Fakes
) -> None:
    """What PergAI's tools answer is not stated: an address without an id is all that there is, and is kept."""
    credential = account("pergai")
    spec = spec_of_operation("remove_background", {"image_folder": "products"}, credential)
    enhance({description_of(Product): [make_product().pk]}, spec, channel="command")
    told = json.dumps({"imageUrl": f"{fakes.base}/files/result.png"}).encode()
    fakes.fail("pergai.create", "after", skip=1, status=200, body=told)
    fakes.fail("files.read", "drop", times=lost)
    hurry()
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
    assert fakes.charged("pergai") == 1


@pytest.mark.parametrize("code", ["quota_exceeded", "plan_required"])
def test_a_refusal_says_what_it_is_about_and_is_not_repeated(
    code: str, account: Account, order: Order, fakes: Fakes
) -> None:
    """K4: an empty quota and a missing plan are two things; neither is tried again at once."""
    order(account("paqshot"))
    told = json.dumps({"error": code, "message": f"Sorry: {code}."}).encode()
    fakes.fail("paqshot.create", "status", times=50, status=403, body=told)
    hurry(4)
    tried = [route for _, _, route in fakes.calls if route.startswith("POST")] or fakes.calls
    notes = " ".join(
        [
            *ProviderCredential.objects.values_list("paused_reason", flat=True),
            *EnhancementItem.objects.values_list("error_message", flat=True),
        ]
    )
    assert f"Sorry: {code}." in notes
    assert len(tried) == 1


def test_nothing_of_ours_is_needed_after_a_restart(account: Account, order: Order, fakes: Fakes) -> None:
    """What a queue holds is a wake-up without content (H3)."""
    from django_q.models import OrmQ

    order(account("paqshot"))
    hurry()
    for row in OrmQ.objects.all():
        task = row.task()
        assert task["func"] == "product_imagery.tasks.pump"
        assert not task["args"]
        assert not task.get("kwargs")


def test_a_worker_whose_clock_is_ahead_stalls_nothing(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(account("paqshot"))
    hurry(1)
    fakes.statuses[ProviderJob.objects.get().remote_id] = "processing"
    real = time.time
    with monkeypatch.context() as wrong:
        wrong.setattr(time, "time", lambda: real() + 30 * 86_400)
        hurry(2)
    assert ProviderJob.objects.get().state == JobState.RUNNING


def test_work_that_takes_far_too_long_is_a_persons_to_decide(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("paqshot"))
    hurry(1)
    fakes.statuses[ProviderJob.objects.get().remote_id] = "processing"
    ProviderJob.objects.update(accepted_at=timezone.now() - timedelta(days=30))
    hurry(2)
    assert ProviderJob.objects.get().state == JobState.STALLED
