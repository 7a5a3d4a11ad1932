"""An outage asks nobody anything: lost creates are looked up, and the next one waits until a free call goes well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from product_imagery.flows.hosted import lost
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import CreditEntry, EnhancementItem, LimitUse, ProviderCredential, ProviderJob
from product_imagery.states import ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes, Fault, Request

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _lists_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost, "LAG_SECONDS", 0.0)


def _creates(fakes: Fakes, provider: str) -> int:
    return [route for _, _, route in fakes.calls].count(f"{provider}.create")


def _work(rounds: int) -> None:
    """As ``hurry``, but the wait after a lost create is kept."""
    for _ in range(rounds):
        ProviderJob.objects.filter(leased_until=None).update(due_at=Now())
        ProviderCredential.objects.update(cooldown_until=None)
        LimitUse.objects.all().delete()
        run_slice(seconds=0.05)


@pytest.mark.parametrize("provider", ["paqshot", "pergai"])
@pytest.mark.parametrize("known", [True, False])
def test_an_outage_of_creates_ends_without_a_decision(
    provider: str, known: bool, account: Account, order: Order, fakes: Fakes
) -> None:
    order(account(provider, consecutive_failures=1), 6)
    fakes.fail(f"{provider}.create", "status", times=5, skip=4 if known else 0, status=503)
    hurry(60)
    assert set(EnhancementItem.objects.values_list("status", flat=True)) == {ItemStatus.COMPLETED}
    assert fakes.charged(provider) == 6
    assert not ProviderJob.objects.exclude(decision="").exists()
    assert CreditEntry.objects.filter(kind="release").count() == 0


@pytest.mark.parametrize("provider", ["paqshot", "pergai"])
@pytest.mark.parametrize("most", [0, 1])
def test_a_list_that_is_cut_off_proves_nothing(
    provider: str, most: int, account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(account(provider), 4)
    real = fakes[provider].respond

    def cut(request: Request) -> Any:
        status, content = real(request)
        if request.method == "GET" and request.path.endswith("/generations"):
            content = {"generations": content["generations"][:most]}
        return status, content

    monkeypatch.setattr(fakes[provider], "respond", cut)
    fakes.faults[f"{provider}.create"] = Fault("lose", 1, skip=1)
    hurry(60)
    assert fakes.charged(provider) == 4
    assert EnhancementItem.objects.filter(status=ItemStatus.STALLED).count() == (0 if provider == "pergai" else 1)


def test_a_list_that_lags_behind_proves_nothing(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows the work of before, and neither the lost one nor what was accepted after it."""
    credential = account("paqshot")
    order(credential, 3)
    hurry()
    stand_in = fakes["paqshot"]
    stale = [stand_in.state_of(one) for one in fakes.created]
    real = stand_in.respond
    monkeypatch.setattr(
        stand_in, "respond", lambda request: (200, stale) if request.path == "/generations" else real(request)
    )
    fakes.fail("paqshot.create", "lose")
    order(credential, 3)
    hurry(60)
    assert fakes.charged("paqshot") == 6
    assert ProviderJob.objects.filter(state=JobState.STALLED).count() == 1


@pytest.mark.parametrize(("reading", "charged"), [("complete", 1), ("incomplete", 0), ("compared", 0)])
@pytest.mark.parametrize("provider", ["paqshot", "pergai"])
def test_an_account_may_say_that_its_list_is_complete(
    provider: str, reading: str, charged: int, account: Account, order: Order, fakes: Fakes
) -> None:
    """Nothing else of the account is known, so the list alone proves nothing."""
    order(account(provider, readings={"list": reading}))
    fakes.faults[f"{provider}.create"] = Fault("status", 1, status=503, skip=1 if provider == "pergai" else 0)
    hurry(60)
    assert fakes.charged(provider) == charged
    wanted = ItemStatus.COMPLETED if charged else ItemStatus.STALLED
    assert EnhancementItem.objects.get().status == wanted


def test_what_the_list_does_show_is_a_candidate_whatever_it_tells_of_it(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No moment, or one of a clock that is behind: it may be the lost one."""
    credential = account("paqshot")
    order(credential, 3)
    hurry()
    real = fakes["paqshot"].state_of
    for changes in ({"created_at": None}, {"created_at": "yesterday"}, {"style": "packshot_v2"}):
        monkeypatch.setattr(fakes["paqshot"], "state_of", lambda one, changes=changes: real(one) | changes)
        fakes.fail("paqshot.create", "lose")
        before = fakes.charged("paqshot")
        order(credential)
        hurry()
        stalled = ProviderJob.objects.get(state=JobState.STALLED)
        known = set(ProviderJob.objects.exclude(remote_id="").values_list("remote_id", flat=True))
        assert [stalled.likely_id] == [one.id for one in fakes.created if one.id not in known]
        assert fakes.charged("paqshot") == before + 1
        ProviderJob.objects.filter(pk=stalled.pk).update(state=JobState.RUNNING, remote_id=stalled.likely_id)


def test_several_generations_of_one_product_are_candidates_with_their_pictures(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(account("pergai"))
    real = fakes["pergai"].respond

    def twice(request: Request) -> Any:
        status, content = real(request)
        if request.method == "GET" and request.path.endswith("/generations"):
            content = {"generations": [*content["generations"], content["generations"][0] | {"id": "another"}]}
        return status, content

    monkeypatch.setattr(fakes["pergai"], "respond", twice)
    fakes.faults["pergai.create"] = Fault("lose", 1, skip=1)
    hurry(60)
    ours, another = ProviderJob.objects.get(state=JobState.STALLED).candidates
    assert (ours.remote_id, another.remote_id) == (fakes.created[0].id, "another")
    assert ours.picture == another.picture
    assert ours.picture.startswith(f"{fakes.base}/files/")


@pytest.mark.parametrize("provider", ["productai", "paqshot", "pergai"])
def test_nothing_is_bought_before_a_free_call_goes_well(
    provider: str, account: Account, order: Order, fakes: Fakes
) -> None:
    order(account(provider), 10)
    ProviderCredential.objects.update(consecutive_failures=1)
    for route in ("create", "read"):
        fakes.fail(f"{provider}.{route}", "status", times=1000, status=503)
    hurry(12)
    assert _creates(fakes, provider) == 1
    probes = [route for _, _, route in fakes.calls].count(f"{provider}.read")
    assert 2 <= probes <= 2 * 12
    assert ProviderJob.objects.filter(state=JobState.STALLED).count() <= (provider == "productai")
    item = EnhancementItem.objects.filter(status=ItemStatus.QUEUED).exclude(error_message="").first()
    assert item is not None
    assert "has trouble" in item.error_message
    fakes.faults.clear()
    hurry(60)
    assert fakes.charged(provider) == (9 if provider == "productai" else 10)
    assert EnhancementItem.objects.filter(status=ItemStatus.STALLED).count() == (provider == "productai")
    assert ProviderCredential.objects.get().lost_creates == 0


def test_where_only_a_person_can_find_out_the_next_create_waits_for_longer(
    account: Account, order: Order, fakes: Fakes
) -> None:
    order(account("productai", consecutive_failures=1), 6)
    fakes.fail("productai.create", "status", times=2, status=503)
    _work(6)
    assert _creates(fakes, "productai") == 1
    credential = ProviderCredential.objects.get()
    assert credential.creates_after
    assert credential.creates_after > timezone.now() + timedelta(seconds=90)
    ProviderCredential.objects.update(creates_after=F("creates_after") - timedelta(seconds=125))
    _work(6)
    assert _creates(fakes, "productai") == 2
    later = ProviderCredential.objects.get().creates_after
    assert later
    assert later > timezone.now() + timedelta(seconds=200)
    ProviderCredential.objects.update(creates_after=None)
    _work(12)
    assert fakes.charged("productai") == 4


def test_one_lost_connection_is_no_outage(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("productai", consecutive_failures=1), 4)
    fakes.fail("productai.create", "lose")
    _work(12)
    assert fakes.charged("productai") == 4
    assert EnhancementItem.objects.filter(status=ItemStatus.COMPLETED).count() == 3


def test_the_free_call_counts_against_the_limits(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("productai", lost_creates=1), 1)
    run_slice(seconds=0.5)
    assert [route for _, _, route in fakes.calls][:2] == ["productai.read", "productai.create"]
    assert sum(LimitUse.objects.filter(counted="requests").values_list("amount", flat=True)) == len(fakes.calls)
