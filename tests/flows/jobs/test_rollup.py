"""States of items follow from their jobs, and the status of an enhancement from its items."""

from __future__ import annotations

from typing import Any

import pytest

from product_imagery import signals
from product_imagery.exceptions import ProviderRefused
from product_imagery.flows.jobs import rollup
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob, ResultImage
from product_imagery.states import EnhancementStatus, ItemStatus, JobState
from tests.fakes.hosted import Account, Order

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(account: Account, order: Order) -> ProviderJob:
    """A job with two items."""
    order(account("aigenstudio"), 2)
    return ProviderJob.objects.select_related("enhancement").get()


@pytest.fixture
def ended() -> Any:
    """Enhancements whose end was published."""
    found: list[str] = []

    def note(enhancement: Enhancement, **_: Any) -> None:
        found.append(enhancement.status)

    signals.enhancement_finished.connect(note)
    yield found
    signals.enhancement_finished.disconnect(note)


def _states() -> tuple[list[str], str]:
    items = EnhancementItem.objects.order_by("pk").values_list("status", flat=True)
    return list(items), Enhancement.objects.get().status


def _result(item: EnhancementItem, job: ProviderJob) -> None:
    facts = {"image": "x.png", "format": "PNG", "width": 9, "height": 9, "size": 9, "sha256": "0" * 64}
    ResultImage.objects.create(item=item, job=job, enhancement=job.enhancement, **facts)


_QUEUED, _PROCESSING, _COMPLETED, _FAILED = (
    ItemStatus.QUEUED,
    ItemStatus.PROCESSING,
    ItemStatus.COMPLETED,
    ItemStatus.FAILED,
)


def test_an_enhancement_follows_its_items_from_the_queue_to_its_end(
    job: ProviderJob, ended: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    """The table of the module."""
    first, _ = EnhancementItem.objects.order_by("pk")
    assert _states() == ([_QUEUED, _QUEUED], EnhancementStatus.QUEUED)
    with django_capture_on_commit_callbacks(execute=True):
        rollup.begin([job])
    assert _states() == ([_PROCESSING, _PROCESSING], EnhancementStatus.PROCESSING)
    with django_capture_on_commit_callbacks(execute=True):
        rollup.end_items([job], ItemStatus.COMPLETED, only=[first.pk])
    assert _states() == ([_COMPLETED, _PROCESSING], EnhancementStatus.PROCESSING)
    assert ended == []
    with django_capture_on_commit_callbacks(execute=True):
        rollup.end_items([job], ItemStatus.FAILED, ProviderRefused("Not so.", code="refused"))
    assert _states() == ([_COMPLETED, _FAILED], EnhancementStatus.PARTIALLY_COMPLETED)
    assert ended == [EnhancementStatus.PARTIALLY_COMPLETED]
    failed = EnhancementItem.objects.get(status=_FAILED)
    assert (failed.error_code, failed.error_message, failed.active_key) == ("refused", "Not so.", None)


def test_an_end_is_published_once(job: ProviderJob, ended: list[str], django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        rollup.begin([job])
        rollup.end_items([job], ItemStatus.COMPLETED)
        rollup.end_items([job], ItemStatus.FAILED)
        rollup.update_status([job.enhancement_id])
    assert ended == [EnhancementStatus.COMPLETED]
    assert _states() == ([_COMPLETED, _COMPLETED], EnhancementStatus.COMPLETED)


def test_an_item_with_an_earlier_result_stays_completed_when_another_one_fails(
    job: ProviderJob, django_capture_on_commit_callbacks: Any
) -> None:
    first, _ = EnhancementItem.objects.order_by("pk")
    _result(first, job)
    failed: list[int] = []

    def note(item: EnhancementItem, **_: Any) -> None:
        failed.append(item.pk)

    signals.item_failed.connect(note)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            rollup.begin([job])
            rollup.end_items([job], ItemStatus.FAILED, ProviderRefused("Not so."))
    finally:
        signals.item_failed.disconnect(note)
    assert _states() == ([_COMPLETED, _FAILED], EnhancementStatus.PARTIALLY_COMPLETED)
    assert first.pk not in failed
    assert len(failed) == 1


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ((_COMPLETED, _COMPLETED), EnhancementStatus.COMPLETED),
        ((_FAILED, _FAILED), EnhancementStatus.FAILED),
        ((ItemStatus.CANCELLED, ItemStatus.CANCELLED), EnhancementStatus.CANCELLED),
        ((ItemStatus.CANCELLED, _FAILED), EnhancementStatus.FAILED),
        ((ItemStatus.CANCELLED, _COMPLETED), EnhancementStatus.PARTIALLY_COMPLETED),
    ],
)
def test_the_ends_of_all_items_make_the_end_of_the_enhancement(
    job: ProviderJob, ends: tuple[ItemStatus, ...], status: EnhancementStatus
) -> None:
    rollup.begin([job])
    for pk, end in zip(EnhancementItem.objects.order_by("pk").values_list("pk", flat=True), ends, strict=True):
        rollup.end_items([job], end, only=[pk])
    assert _states() == (list(ends), status)


def test_a_stalled_item_keeps_the_enhancement_open_until_a_person_decides(job: ProviderJob) -> None:
    rollup.begin([job])
    rollup.stall_items(job, "unknown", "x" * 600)
    assert _states() == ([ItemStatus.STALLED] * 2, EnhancementStatus.PROCESSING)
    item = EnhancementItem.objects.all()[0]
    assert (item.error_code, len(item.error_message)) == ("unknown", 500)
    rollup.resume_items(job)
    assert _states() == ([_PROCESSING] * 2, EnhancementStatus.PROCESSING)
    assert EnhancementItem.objects.all()[0].error_message == ""


def test_items_that_go_on_later_say_why_they_wait(job: ProviderJob) -> None:
    rollup.begin([job])
    rollup.keep_waiting(job, JobState.RUNNING, ProviderRefused("Wait.", code="busy"))
    assert _states()[0] == [_PROCESSING] * 2
    rollup.keep_waiting(job, JobState.QUEUED, ProviderRefused("Wait.", code="busy"))
    assert _states()[0] == [_QUEUED] * 2
    assert set(EnhancementItem.objects.values_list("error_code", "error_message")) == {("busy", "Wait.")}
