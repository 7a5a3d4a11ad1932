"""Reasons for waiting: each is a sentence of its own, and they take the same queries for many pictures as for few."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from product_imagery.flows.worker.waiting import Code, reasons, standstill
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    EnhancementItem,
    LimitUse,
    Preparation,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    WorkerTrouble,
)
from product_imagery.models.db_time import from_now
from product_imagery.states import Publication


@pytest.fixture
def waiting(make_product: Any, enlarge: Any) -> Enhancement:
    """An enhancement with one open picture."""
    enhancement: Enhancement = enlarge(make_product())
    return enhancement


def _codes(enhancement: Enhancement | None = None) -> list[Code]:
    return [reason.code for reason in reasons(enhancement)]


def test_fresh_work_waits_for_nothing(waiting: Enhancement) -> None:
    assert reasons(waiting) == reasons() == standstill() == []


def test_without_a_worker_nothing_moves(waiting: Enhancement) -> None:
    ProviderJob.objects.update(due_at=from_now(-60))
    (reason,) = reasons(waiting)
    assert (reason.code, reason.stands_still) == (Code.NO_WORKER, True)
    assert "imagery_worker" not in reason.sentence
    assert "imagery_worker" in reason.advice
    assert [one.code for one in standstill()] == [Code.NO_WORKER]


def test_a_pause_is_given_with_its_reason_and_its_pictures(waiting: Enhancement) -> None:
    account = ProviderCredential.objects.get()
    account.pause("The balance is used up.", stops_reads=False)
    (reason,) = reasons(waiting)
    assert (reason.code, reason.count, reason.credential) == (Code.PAUSED, 1, account.pk)
    assert "The balance is used up." in reason.sentence
    assert standstill() == [reason]
    ProviderCredential.objects.update(paused_at=None, is_active=False)
    assert _codes(waiting) == [Code.SWITCHED_OFF]


def test_an_account_without_open_pictures_is_no_reason(waiting: Enhancement, work: Any) -> None:
    work()
    ProviderCredential.objects.get().pause("no", stops_reads=False)
    assert reasons() == standstill() == []


def test_cooldown_lost_response_and_limit_go_on_by_themselves(waiting: Enhancement) -> None:
    accounts = ProviderCredential.objects.all()
    accounts.update(cooldown_until=from_now(60))
    (reason,) = reasons(waiting)
    assert (reason.code, reason.stands_still) == (Code.COOLDOWN, False)
    assert reason.until is not None
    accounts.update(cooldown_until=None, lost_creates=1, creates_after=from_now(60))
    assert _codes(waiting) == [Code.LOST]
    accounts.update(lost_creates=0, own_limits={"images": [1, 3600]})
    assert _codes(waiting) == []
    LimitUse.objects.create(credential=accounts.get(), counted="images", amount=1)
    (reason,) = reasons(waiting)
    assert reason.code == Code.LIMIT
    assert reason.until is not None
    assert 3500 < (reason.until - timezone.now()).total_seconds() < 3610


def test_a_budget_that_is_used_up_is_said(waiting: Enhancement) -> None:
    ProviderCredential.objects.update(budget_day=5)
    assert _codes(waiting) == []
    job = ProviderJob.objects.get()
    entry = {"credential": job.credential, "enhancement": waiting, "job": job, "at": timezone.now()}
    CreditEntry.objects.create(kind=CreditEntry.Kind.RESERVE, amount=3, **entry)
    assert _codes(waiting) == []
    Preparation.objects.create(enhancement=waiting, kind=Preparation.Kind.START, reserved=2, left=1)
    assert _codes(waiting) == [Code.BUDGET, Code.PREPARING]
    assert "for today" in reasons(waiting)[0].sentence
    ProviderCredential.objects.update(budget_day=6, budget_month=5)
    assert "for this month" in reasons(waiting)[0].sentence


def test_work_in_hand_is_said_too(waiting: Enhancement, work: Any) -> None:
    Preparation.objects.create(enhancement=waiting, kind=Preparation.Kind.START, left=3)
    (reason,) = reasons(waiting)
    assert (reason.code, reason.count) == (Code.PREPARING, 3)
    Preparation.objects.all().delete()
    ProviderJob.objects.update(state="running", due_at=from_now(60))
    assert _codes(waiting) == [Code.AT_PROVIDER]
    EnhancementItem.objects.update(error_code="storage", error_message="There is no room.")
    assert _codes(waiting) == [Code.RETRY, Code.AT_PROVIDER]


def test_what_may_not_be_named_is_not_named(waiting: Enhancement) -> None:
    ProviderJob.objects.update(due_at=from_now(60))
    EnhancementItem.objects.update(error_code="storage", error_message="There is no room.")
    assert "Red bottle" in reasons(waiting)[0].sentence
    assert reasons(waiting, EnhancementItem.objects.none()) == []


def test_a_publication_that_fails_and_a_machine_in_trouble(waiting: Enhancement, work: Any) -> None:
    work()
    WorkerTrouble.objects.note("machine-1", "storage", "The disk is full.")
    assert [reason.code for reason in reasons()] == [Code.MACHINE]
    assert reasons(waiting) == []
    ResultImage.objects.update(review="approved", publication=Publication.WAITING, publication_note="It is slow.")
    first, second = reasons(waiting)
    assert (first.code, second.code) == (Code.PUBLICATION, Code.MACHINE)
    assert "The disk is full." in second.sentence


def test_the_queries_do_not_grow_with_the_pictures(waiting: Enhancement) -> None:
    item = EnhancementItem.objects.get()

    def queries() -> int:
        ProviderJob.objects.update(due_at=from_now(60))
        EnhancementItem.objects.update(error_code="storage", error_message="There is no room.")
        with CaptureQueriesContext(connection) as captured:
            assert reasons(waiting)
            assert reasons()
            standstill()
        return len(captured)

    few = queries()
    jobs = ProviderJob.objects.bulk_create(
        ProviderJob(enhancement=waiting, credential=waiting.credential, provider="local", operation="upscale")
        for _ in range(1000)
    )
    EnhancementItem.objects.bulk_create(
        EnhancementItem(enhancement=waiting, job=job, content_type=item.content_type, object_id="1", label=f"n{job.pk}")
        for job in jobs
    )
    assert queries() == few
