"""A limit of 10 calls in 60 s: each call counts from the moment at which it is sent, and once."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from product_imagery.exceptions import NotSent, ProviderUnavailable, RateLimited
from product_imagery.flows.hosted.credential_session import CredentialSession
from product_imagery.flows.hosted.mailbox import Mailbox
from product_imagery.flows.hosted.session import Session
from product_imagery.flows.hosted.values import Ticket
from product_imagery.models import LimitUse, ProviderJob
from product_imagery.provider_kit.contract import Counted
from product_imagery.provider_kit.requests import HttpRequest, Remember, Request
from product_imagery.provider_kit.response import Response
from tests.fakes.hosted import Account, Order

pytestmark = pytest.mark.django_db

_CREATE = HttpRequest("POST", "/jobs", b"bytes of the create", creates=True)
_POLL = HttpRequest("GET", "/jobs/1")


class _Transport:
    """A list of the requests that were sent."""

    def __init__(self) -> None:
        self.sent: list[HttpRequest] = []

    def send(self, base_url: str, request: HttpRequest, headers: Any, seconds: Any = None) -> Response:
        self.sent.append(request)
        return Response(200, b"{}")


class _Talk:
    """A job whose only call was counted when it was leased, ``waited`` seconds ago, and a session about it."""

    def __init__(self, job: ProviderJob, waited: float) -> None:
        self.job, self.transport, self._mailbox = job, _Transport(), Mailbox(threading.Event())
        self.session = Session(None, self.transport, self._mailbox)  # type: ignore[arg-type]
        limits = job.credential.limits()
        LimitUse.objects.note_each(job.credential, limits, [(job, {Counted.REQUESTS: 1})])
        (self.first,) = job.uses
        self.leased_at = timezone.now() - timedelta(seconds=waited)
        LimitUse.objects.update(at=self.leased_at)
        self.ticket = Ticket(
            job, CredentialSession(job.credential), time.monotonic() + 60, since=time.monotonic() - waited
        )

    def respond(self, request: Request) -> Any:
        """Let a thread have the session respond, while this one is the worker loop."""
        with ThreadPoolExecutor(1) as thread:
            response = thread.submit(self.session.respond, request, self.ticket)
            while not response.done():
                self._mailbox.process()
                time.sleep(0.002)
            return response.result()

    def counted(self) -> list[float]:
        """Return the ages of the counted calls in whole seconds, the oldest first."""
        times = LimitUse.objects.filter(amount=1).order_by("at").values_list("at", flat=True)
        return [round((timezone.now() - at).total_seconds()) for at in times]


@pytest.fixture
def job(account: Account, order: Order) -> ProviderJob:
    order(account("productai", own_limits={"requests": [10, 60]}))
    (leased,) = ProviderJob.objects.acquire_calls(list(ProviderJob.objects.all()), 60)
    return leased


def _fill(job: ProviderJob) -> None:
    """Let others take all the places of the window."""
    LimitUse.objects.create(credential=job.credential, counted=Counted.REQUESTS, amount=10)


@pytest.mark.parametrize("waited", [0.1, 12.0])
def test_a_create_counts_from_when_its_intent_is_written(job: ProviderJob, waited: float) -> None:
    talk = _Talk(job, waited)
    talk.respond(_CREATE)
    assert talk.transport.sent == [_CREATE]
    use = LimitUse.objects.get()
    assert use.pk == talk.first
    assert use.at > talk.leased_at
    job.refresh_from_db()
    assert bytes(job.intent or b"") == _CREATE.body


def test_a_poll_at_once_keeps_the_count_of_its_lease(job: ProviderJob) -> None:
    talk = _Talk(job, 0.1)
    talk.respond(_POLL)
    use = LimitUse.objects.get()
    assert (use.pk, use.at) == (talk.first, talk.leased_at)


def test_a_poll_that_has_waited_moves_its_count_to_now(job: ProviderJob) -> None:
    talk = _Talk(job, 12)
    talk.respond(_POLL)
    assert LimitUse.objects.get().pk == talk.first
    assert talk.counted() == [0]


def test_a_call_that_waited_for_half_the_window_is_counted_anew(job: ProviderJob) -> None:
    talk = _Talk(job, 40)
    talk.respond(_CREATE)
    assert LimitUse.objects.get().pk != talk.first
    assert talk.counted() == [0]


@pytest.mark.parametrize("request_", [_CREATE, _POLL])
def test_a_call_whose_place_was_given_away_is_not_sent(job: ProviderJob, request_: HttpRequest) -> None:
    talk = _Talk(job, 40)
    _fill(job)
    with pytest.raises(RateLimited):
        talk.respond(request_)
    assert talk.transport.sent == []
    assert not ProviderJob.objects.get().intent


def test_a_second_call_of_the_job_is_counted_when_it_is_sent(job: ProviderJob) -> None:
    talk = _Talk(job, 12)
    talk.respond(_POLL)
    talk.respond(_POLL)
    assert talk.counted() == [0, 0]
    _fill(job)
    with pytest.raises(RateLimited):
        talk.respond(_POLL)
    assert len(talk.transport.sent) == 2


def test_nothing_is_sent_after_the_deadline_of_the_lease(job: ProviderJob) -> None:
    talk = _Talk(job, 0)
    talk.ticket.deadline = time.monotonic() - 1
    with pytest.raises(NotSent) as caught:
        talk.respond(_CREATE)
    assert (caught.value.code, talk.transport.sent, talk.ticket.sent) == ("lease_expired", [], False)


def test_facts_are_in_the_database_before_the_conversation_goes_on(job: ProviderJob) -> None:
    talk = _Talk(job, 0)
    talk.respond(Remember({"upload": "u1"}))
    talk.respond(Remember({"mask": "m1"}))
    assert ProviderJob.objects.get().remembered == {"upload": "u1", "mask": "m1"}


def test_facts_that_cannot_be_kept_after_a_create_leave_it_to_be_looked_up(job: ProviderJob) -> None:
    """Before the create, the job is simply not sent; after it, the id of what was bought is lost."""
    talk = _Talk(job, 0)
    ProviderJob.objects.update(lease_token=uuid.uuid4())
    with pytest.raises(NotSent) as caught:
        talk.respond(Remember({"upload": "u1"}))
    assert caught.value.code == "lease_lost"
    talk.ticket.sent = True
    with pytest.raises(ProviderUnavailable) as lost:
        talk.respond(Remember({"id": "r1"}))
    assert lost.value.code == "lease_lost"
    assert ProviderJob.objects.get().remembered == {}
