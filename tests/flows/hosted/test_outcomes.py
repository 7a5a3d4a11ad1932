"""Outcomes of hosted work, from order to picture, whatever provider and network do: HTTP on loopback."""

from __future__ import annotations

import pytest
from django.db.models import Sum

from product_imagery.exceptions import RequestError
from product_imagery.flows.enhancements import reconcile
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    EnhancementItem,
    ProviderJob,
    ResultImage,
)
from product_imagery.states import EnhancementStatus, ItemStatus, JobState
from product_imagery.storage.store import results_storage
from tests.fakes.hosted import OPERATIONS, Account, Order, hurry
from tests.fakes.server import KEYS, Fakes, Fault

pytestmark = pytest.mark.django_db

PROVIDERS = sorted(OPERATIONS)
#: providers that tell what became of a lost create
LOOKED_UP = ("aigenstudio", "pergai")
COSTS = {"aigenstudio": 5, "productai": 3, "paqshot": 1, "pergai": 1}


def _status(enhancement: Enhancement) -> str:
    return Enhancement.objects.get(pk=enhancement.pk).status


@pytest.mark.parametrize("provider", PROVIDERS)
def test_pictures_come_back_are_stored_and_paid_once(
    provider: str, account: Account, order: Order, fakes: Fakes
) -> None:
    enhancement = order(account(provider), 3)
    hurry()
    assert _status(enhancement) == EnhancementStatus.COMPLETED
    assert fakes.charged(provider) == 3
    assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == 3 * COSTS[provider]
    for result in ResultImage.objects.all():
        assert (result.width, result.height) == (360, 300)
        assert result.mark == "compositeWithTrainedAlgorithmicMedia"
        assert results_storage().open(result.original.name).read() == fakes.picture
    assert all("authorization" not in call and "x-api-key" not in call for call in _downloads(fakes))


def _downloads(fakes: Fakes) -> list[dict[str, str]]:
    found = [call for call in fakes.headers if call[":path"].startswith("/files/")]
    assert found
    return found


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", ["lose", "after", "drop"])
def test_a_lost_answer_never_leads_to_a_second_charge(
    provider: str, kind: str, account: Account, order: Order, fakes: Fakes
) -> None:
    enhancement = order(account(provider))
    fakes.fail(f"{provider}.create", kind)
    hurry()
    if provider in LOOKED_UP:
        assert _status(enhancement) == EnhancementStatus.COMPLETED
        assert fakes.charged(provider) == 1
        return
    assert fakes.charged(provider) == (0 if kind == "drop" else 1)
    item = EnhancementItem.objects.get()
    assert item.status == ItemStatus.STALLED
    assert "may have been accepted" in item.error_message


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b'{"id":', b"[]", b'{"a": NaN}', b"x" * 2_000_000])
def test_an_unreadable_answer_to_a_create_is_unknown_not_failed(
    provider: str, body: bytes, account: Account, order: Order, fakes: Fakes
) -> None:
    order(account(provider))
    fakes.fail(f"{provider}.create", "after", status=200, body=body)
    hurry()
    assert fakes.charged(provider) == 1
    assert ProviderJob.objects.get().state == (JobState.DONE if provider in LOOKED_UP else JobState.STALLED)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"id":', b"[]", b"x" * 2_000_000])
def test_unreadable_answers_to_a_look_are_looked_at_again(
    provider: str, body: bytes, account: Account, order: Order, fakes: Fakes
) -> None:
    enhancement = order(account(provider))
    fakes.fail(f"{provider}.read", "after", times=3, status=200, body=body)
    hurry()
    assert _status(enhancement) == EnhancementStatus.COMPLETED
    assert fakes.charged(provider) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_refused_key_pauses_the_account_and_the_work_waits(
    provider: str, account: Account, order: Order, fakes: Fakes
) -> None:
    credential = account(provider, key="wrong-key-wrong-key")
    enhancement = order(credential, 3)
    hurry()
    credential.refresh_from_db()
    assert credential.paused_at
    assert _status(enhancement) in (EnhancementStatus.QUEUED, EnhancementStatus.PROCESSING)
    credential.set_secret(KEYS[provider])
    credential.paused_at = None
    credential.save()
    hurry()
    assert _status(enhancement) == EnhancementStatus.COMPLETED
    assert fakes.charged(provider) == 3


@pytest.mark.parametrize("provider", PROVIDERS)
def test_being_asked_to_slow_down_costs_nothing(provider: str, account: Account, order: Order, fakes: Fakes) -> None:
    credential = account(provider)
    enhancement = order(credential)
    fakes.fail(f"{provider}.create", "status", times=2, status=429, headers={"Retry-After": "7"})
    hurry(1)
    credential.refresh_from_db()
    assert credential.cooldown_until
    assert ProviderJob.objects.get().consecutive_failures == 0
    hurry()
    assert _status(enhancement) == EnhancementStatus.COMPLETED
    assert fakes.charged(provider) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_unknown_status_means_still_running(provider: str, account: Account, order: Order, fakes: Fakes) -> None:
    order(account(provider))
    hurry(1)
    created = fakes.created[0]
    fakes.statuses[created.key or created.id] = "archived"
    hurry(2)
    job = ProviderJob.objects.get()
    assert (job.state, job.remote_status) == (JobState.RUNNING, "archived")
    fakes.statuses.clear()
    hurry()
    assert ProviderJob.objects.get().state == JobState.DONE


def test_a_batch_is_told_apart_by_our_ids(account: Account, order: Order, fakes: Fakes) -> None:
    enhancement = order(account("aigenstudio"), 15)
    assert sorted(job.items.count() for job in ProviderJob.objects.all()) == [2, 13]
    bad = EnhancementItem.objects.order_by("pk")[4]
    fakes.bad_items[bad.uuid.hex] = "download_timeout"
    hurry(20)
    assert _status(enhancement) == EnhancementStatus.PARTIALLY_COMPLETED
    bad.refresh_from_db()
    assert (bad.status, bad.error_code) == (ItemStatus.FAILED, "download_timeout")
    assert ResultImage.objects.values("item").distinct().count() == 14
    assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == 14 * 5


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_refused_look_is_no_failure(provider: str, account: Account, order: Order, fakes: Fakes) -> None:
    enhancement = order(account(provider))
    hurry(1)
    fakes.fail(f"{provider}.read", "status", times=2, status=404)
    hurry()
    assert _status(enhancement) == EnhancementStatus.COMPLETED
    order(account(provider, label="second"))
    hurry(1)
    fakes.fail(f"{provider}.read", "status", times=9, status=404)
    hurry()
    item = EnhancementItem.objects.last()
    assert (item.status, item.error_code) == (ItemStatus.STALLED, "look_refused")
    assert CreditEntry.objects.filter(kind="release").count() == 0
    fakes.faults.clear()
    reconcile.adopt(item.job, item.job.remote_id, None)
    hurry()
    item.refresh_from_db()
    assert item.status == ItemStatus.COMPLETED
    assert fakes.charged(provider) == 2


@pytest.mark.parametrize("name", ["data", "items", "results", "generations"])
def test_pergais_list_is_read_whatever_it_is_wrapped_in(
    name: str, account: Account, order: Order, fakes: Fakes
) -> None:
    fakes["pergai"].list_name = name
    enhancement = order(account("pergai"))
    hurry_past(fakes, 1, "lose")
    hurry(20)
    assert _status(enhancement) == EnhancementStatus.COMPLETED
    assert fakes.charged("pergai") == 1


def test_a_conflict_of_keys_is_parked_and_never_worked_around(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("aigenstudio"))
    conflict = b'{"error": {"code": "idempotency_conflict", "message": "Other body.", "request_id": "r"}}'
    fakes.fail("aigenstudio.create", "status", times=9, status=409, body=conflict)
    hurry()
    item = EnhancementItem.objects.get()
    assert item.status == ItemStatus.STALLED
    assert "not repeated" in item.error_message
    assert "It says: “Other body.”" in item.error_message
    assert {call.get("idempotency-key") for call in fakes.headers} == {f"pi-{item.job.uuid}"}


def test_each_step_of_pergai_survives_a_lost_answer(account: Account, order: Order, fakes: Fakes) -> None:
    credential = account("pergai")
    with pytest.raises(RequestError, match="image_folder"):
        order(credential, options={})
    for kind in ("lose", "drop", "after"):
        for step in (1, 2):
            enhancement = order(credential)
            hurry_past(fakes, step - 1, kind)
            hurry(20)
            if (kind, step) == ("drop", 2):  # that it is not in the list does not prove that it was not accepted
                job = ProviderJob.objects.get(state=JobState.STALLED)
                assert "may not be complete" in job.note
                reconcile.send_again(job, None)
                hurry(20)
            assert _status(enhancement) == EnhancementStatus.COMPLETED
    assert fakes.charged("pergai") == 6
    products = fakes["pergai"].products
    assert len({product["name"] for product in products}) == len(products) == 7


def test_a_generation_that_the_list_does_not_show_is_not_bought_again(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(account("pergai"))
    hurry_past(fakes, 1, "lose")
    pergai = fakes["pergai"]
    monkeypatch.setattr(pergai, "read", lambda path: (200, [] if path == "/generations" else pergai.products))
    hurry(20)
    assert fakes.charged("pergai") == 1
    assert EnhancementItem.objects.get().status == ItemStatus.STALLED


def hurry_past(fakes: Fakes, good: int, kind: str) -> None:
    """Let so many creates pass before one goes wrong."""
    fakes.faults["pergai.create"] = Fault(kind, 1, skip=good)


def test_an_empty_balance_is_recognised_under_any_status(account: Account, order: Order, fakes: Fakes) -> None:
    credential = account("productai")
    order(credential)
    body = b'{"name": "ApiError", "message": "OUT_OF_TOKENS", "details": ""}'
    fakes.fail("productai.create", "status", status=200, body=body)
    hurry(2)
    credential.refresh_from_db()
    assert credential.paused_reason.endswith("no tokens left. Top it up, then resume it. It says: “OUT_OF_TOKENS”")
    assert ProviderJob.objects.get().state == JobState.QUEUED


def test_what_is_known_to_be_another_one_is_not_shown_as_what_a_lost_one_may_be(
    account: Account, order: Order, fakes: Fakes
) -> None:
    order(account("paqshot"), 3)
    fakes.faults["paqshot.create"] = Fault("lose", 1, skip=2)
    hurry()
    lost = ProviderJob.objects.get(state=JobState.STALLED)
    known = set(ProviderJob.objects.exclude(pk=lost.pk).values_list("remote_id", flat=True))
    (unknown,) = {one.id for one in fakes.created} - known
    assert f"shows what may be it: {unknown}. Look at it there" in lost.note
