"""Rollup: the states of items follow from their jobs, and the status of an enhancement from its items.

Everything here is called in the transaction that moved the jobs. Example, with two items in one job::

    job          items                     enhancement    called
    queued       queued, queued            queued
    sending      processing, processing    processing     begin
    done         completed, processing     processing     end_items(only=the first)
    done         completed, failed         partially_completed, with its event     end_items
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from product_imagery.exceptions import ImageryError
from product_imagery.flows.events import outbox
from product_imagery.models import Enhancement, EnhancementItem, Preparation, ProviderJob, transitions
from product_imagery.models.enhancement import ItemQuerySet
from product_imagery.models.transitions import reason_columns
from product_imagery.states import (
    ACTIVE_ENHANCEMENTS,
    ACTIVE_ITEMS,
    OPEN_ITEMS,
    EnhancementStatus,
    ItemStatus,
    JobState,
)


def begin(jobs: Iterable[ProviderJob]) -> None:
    """Mark the items of leased jobs, and their enhancements, as being processed."""
    jobs = list(jobs)
    if not jobs:
        return
    transitions.begin_items(_items_of(jobs))
    # One that is processing already cannot go back to the queue before the items of this job have ended.
    fresh = {job.enhancement_id for job in jobs if job.enhancement.status != EnhancementStatus.PROCESSING}
    if fresh:
        transitions.begin_enhancements(Enhancement.objects.filter(pk__in=fresh))


def end_items(
    jobs: Iterable[ProviderJob],
    status: ItemStatus,
    error: ImageryError | None = None,
    *,
    only: Iterable[int] | None = None,
) -> None:
    """End the open items of jobs with a status, publish their events, and update their enhancements.

    ``only``: primary keys of the items that are meant, if not all. An item that has a result already stays completed
    when another one of it fails or is cancelled.
    """
    jobs = list(jobs)
    open_items = _items_of(jobs).filter(status__in=OPEN_ITEMS)
    if only is not None:
        open_items = open_items.filter(pk__in=list(only))
    ended = list(open_items)
    reason, kept = reason_columns(error), set[int]()
    if status != ItemStatus.COMPLETED:
        kept = set(open_items.filter(results__isnull=False).values_list("pk", flat=True))
        transitions.end_items(open_items.filter(pk__in=kept), ItemStatus.COMPLETED, **reason)
    transitions.end_items(open_items, status, **reason)
    for item in ended:
        item.status = status
    if status == ItemStatus.COMPLETED:
        outbox.items_completed(ended)
    elif status == ItemStatus.FAILED:
        outbox.items_failed([item for item in ended if item.pk not in kept])
    update_status(job.enhancement_id for job in jobs)


def stall_items(job: ProviderJob, code: str, message: str) -> None:
    """Mark the open items of a stalled job: a person decides about them."""
    items = _items_of([job])
    stalled = list(items.filter(status__in=OPEN_ITEMS))
    transitions.stall_items(items, error_code=code, error_message=message[:500])
    outbox.items_stalled(stalled)
    update_status([job.enhancement_id])


def resume_items(job: ProviderJob, status: ItemStatus = ItemStatus.PROCESSING) -> None:
    """Give the stalled items of a job another status, once the caller has moved the job itself."""
    transitions.resume_items(_items_of([job]), status)
    update_status([job.enhancement_id])


def keep_waiting(job: ProviderJob, state: JobState, error: ImageryError | None) -> None:
    """Record on the items of a job, which goes on later in ``state``, why they wait."""
    status = ItemStatus.QUEUED if state == JobState.QUEUED else ItemStatus.PROCESSING
    transitions.keep_waiting(_items_of([job]), status, **reason_columns(error))


def _items_of(jobs: Iterable[ProviderJob]) -> ItemQuerySet:
    return EnhancementItem.objects.filter(job__in=[job.pk for job in jobs])


def update_status(enhancement_ids: Iterable[int]) -> None:
    """Set the status of each enhancement from its items; publish the end of those that have none open any more."""
    chosen = Enhancement.objects.filter(pk__in=set(enhancement_ids))
    # Locked first: of two workers that end the last two items at once, the second has to see the first one's.
    states = dict(chosen.select_for_update(no_key=True).order_by("pk").values_list("pk", "status"))
    unended = EnhancementItem.objects.filter(enhancement=OuterRef("pk"), status__in=ACTIVE_ITEMS)
    preparing = Preparation.objects.filter(enhancement=OuterRef("pk"))
    busy = set(chosen.filter(Exists(unended) | Exists(preparing)).values_list("pk", flat=True))
    for pk in [pk for pk in busy if states.get(pk) not in ACTIVE_ENHANCEMENTS]:
        begun = ProviderJob.objects.filter(enhancement=pk).exclude(state=JobState.QUEUED).exists()
        status = EnhancementStatus.PROCESSING if begun else EnhancementStatus.QUEUED
        transitions.open_enhancements(Enhancement.objects.filter(pk=pk), status)
    ended = states.keys() - busy
    for enhancement in Enhancement.objects.filter(pk__in=ended).with_progress() if ended else ():
        enhancement.status = status = _end_of(enhancement)
        if transitions.end_enhancements(Enhancement.objects.filter(pk=enhancement.pk), status):
            outbox.enhancement_ended(enhancement)


def _end_of(enhancement: Enhancement) -> EnhancementStatus:
    """Return the final status for the figures that ``with_progress`` has counted."""
    total, completed, failed, cancelled = (
        getattr(enhancement, name) for name in ("total", "completed", "failed", "cancelled")
    )
    if not total and enhancement.cancelled_at:
        return EnhancementStatus.CANCELLED
    if completed == total and not enhancement.note:
        return EnhancementStatus.COMPLETED
    if completed:
        return EnhancementStatus.PARTIALLY_COMPLETED
    return EnhancementStatus.CANCELLED if cancelled and not (failed or enhancement.note) else EnhancementStatus.FAILED
