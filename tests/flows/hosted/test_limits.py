"""A credential with 3 requests in 60 s and 2 reads in 10 s: calls are counted within every limit, or refused."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from django.utils import timezone

from product_imagery.exceptions import RateLimited
from product_imagery.flows.hosted.limits import count, count_again, shortest_window
from product_imagery.models import LimitUse, ProviderCredential, ProviderJob
from product_imagery.provider_kit.contract import Counted
from product_imagery.provider_kit.requests import HttpRequest
from tests.fakes.hosted import Account, Order

pytestmark = pytest.mark.django_db

_CREATE = HttpRequest("POST", "/jobs", b"{}", creates=True)
_POLL = HttpRequest("GET", "/jobs/1")


@pytest.fixture
def credential(account: Account) -> ProviderCredential:
    return account("productai", own_limits={"requests": [3, 60], "reads": [2, 10]})


def _counted(credential: ProviderCredential) -> dict[str, int]:
    uses = LimitUse.objects.filter(credential=credential)
    return {name: sum(use.amount for use in uses if use.counted == name) for name in (Counted.REQUESTS, Counted.READS)}


def test_a_create_is_a_request_and_a_poll_is_also_a_read(credential: ProviderCredential) -> None:
    count(credential.pk, _CREATE)
    assert _counted(credential) == {Counted.REQUESTS: 1, Counted.READS: 0}
    count(credential.pk, _POLL)
    assert _counted(credential) == {Counted.REQUESTS: 2, Counted.READS: 1}


def test_the_call_that_does_not_fit_is_refused_and_not_counted(credential: ProviderCredential) -> None:
    for _ in range(2):
        count(credential.pk, _POLL)
    with pytest.raises(RateLimited) as caught:
        count(credential.pk, _POLL)
    assert caught.value.retry_after == pytest.approx(10 / 60)
    assert _counted(credential) == {Counted.REQUESTS: 2, Counted.READS: 2}
    count(credential.pk, _CREATE)  # creates are not reads
    with pytest.raises(RateLimited) as caught:
        count(credential.pk, _CREATE)
    assert caught.value.retry_after == pytest.approx(1)
    assert _counted(credential) == {Counted.REQUESTS: 3, Counted.READS: 2}


def test_calls_that_have_left_the_window_make_room(credential: ProviderCredential) -> None:
    for _ in range(2):
        count(credential.pk, _POLL)
    LimitUse.objects.update(at=timezone.now() - timedelta(seconds=11))
    count(credential.pk, _POLL)
    with pytest.raises(RateLimited):  # the window of requests is longer
        count(credential.pk, _POLL)


def test_limits_of_other_credentials_do_not_count(credential: ProviderCredential, account: Account) -> None:
    other = account("productai", label="other", own_limits={"requests": [1, 60]})
    count(other.pk, _CREATE)
    count(credential.pk, _CREATE)
    assert (_counted(other)[Counted.REQUESTS], _counted(credential)[Counted.REQUESTS]) == (1, 1)


def test_a_credential_without_limits_counts_nothing(db: None) -> None:
    free = ProviderCredential.objects.create(provider="local", label="free")
    count(free.pk, _CREATE)
    assert not LimitUse.objects.exists()
    assert shortest_window(free) == math.inf


def test_the_shortest_window_is_the_one_that_a_waiting_call_leaves_first(credential: ProviderCredential) -> None:
    assert shortest_window(credential) == 10


def test_a_call_that_is_counted_again_takes_one_place(credential: ProviderCredential, order: Order) -> None:
    order(credential)
    (job,) = ProviderJob.objects.acquire_calls(list(ProviderJob.objects.all()), 60)
    LimitUse.objects.note_each(credential, credential.limits(), [(job, {Counted.REQUESTS: 1})])
    former = job.uses
    count_again(job)
    assert job.uses != former
    assert list(LimitUse.objects.values_list("pk", flat=True)) == list(job.uses)


def test_a_call_whose_place_was_taken_gives_up_its_own(credential: ProviderCredential, order: Order) -> None:
    order(credential)
    (job,) = ProviderJob.objects.acquire_calls(list(ProviderJob.objects.all()), 60)
    LimitUse.objects.note_each(credential, credential.limits(), [(job, {Counted.REQUESTS: 1})])
    LimitUse.objects.create(credential=credential, counted=Counted.REQUESTS, amount=3)
    with pytest.raises(RateLimited):
        count_again(job)
    assert _counted(credential)[Counted.REQUESTS] == 4  # the refusal undoes the transaction: the lease still holds it
