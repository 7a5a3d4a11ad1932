"""Settle: what the end of an item means for its enhancement. Called inside the transaction that ended the item."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from product_imagery.exceptions import ImageryError
from product_imagery.flows import announce
from product_imagery.models import Enhancement, EnhancementItem, Preparation, ProviderJob
from product_imagery.models.enhancement import NO_REASON
from product_imagery.states import (
    ACTIVE_ENHANCEMENTS,
    ACTIVE_ITEMS,
    OPEN_ITEMS,
    EnhancementStatus,
    ItemStatus,
    JobState,
)


def reason(error: ImageryError | None) -> dict[str, str]:
    """The columns of an item that say why; empty without an error. The sentence is cut to what its column holds."""
    if error is None:
        return NO_REASON
    return {"error_code": error.code[:60], "error_message": error.message[:500], "error_detail": error.detail[:4000]}


def begin(jobs: Iterable[ProviderJob]) -> None:
    """The items of jobs that have been claimed are being processed, and so are their enhancements."""
    jobs = list(jobs)
    if not jobs:
        return
    items = EnhancementItem.objects.filter(job__in=[job.pk for job in jobs], status=ItemStatus.QUEUED)
    items.update(status=ItemStatus.PROCESSING)
    # Mostly it is known that they are; one that is cannot go back to the queue before this job's items have ended.
    fresh = {job.enhancement_id for job in jobs if job.enhancement.status != EnhancementStatus.PROCESSING}
    if fresh:
        queued = Enhancement.objects.filter(pk__in=fresh, status=EnhancementStatus.QUEUED)
        queued.update(status=EnhancementStatus.PROCESSING)


def end_items(
    job: ProviderJob, status: ItemStatus, error: ImageryError | None = None, *, only: Iterable[int] | None = None
) -> None:
    """Bring the job's open items (``only`` these, if given) to an end, tell listeners, and close the enhancement if
    they were the last.
    """
    open_items = EnhancementItem.objects.filter(job=job, status__in=OPEN_ITEMS)
    if only is not None:
        open_items = open_items.filter(pk__in=list(only))
    ended = list(open_items)
    has_result = set(open_items.filter(results__isnull=False).values_list("pk", flat=True))
    ends = {"finished_at": Now(), "active_key": None, **reason(error)}
    if status != ItemStatus.COMPLETED:  # another one of a picture that has a result already: that result stays
        open_items.filter(pk__in=has_result).update(status=ItemStatus.COMPLETED, **ends)
    open_items.update(status=status, **ends)
    for item in ended:
        item.status = status
    if status == ItemStatus.COMPLETED:
        announce.items_completed(ended)
    elif status == ItemStatus.FAILED:
        announce.items_failed([item for item in ended if item.pk not in has_result])
    settle([job.enhancement_id])


def stall(job: ProviderJob, code: str, message: str) -> None:
    """A person has to decide: the job, which the caller has brought to ``stalled``, takes its open items with it."""
    items = EnhancementItem.objects.filter(job=job, status__in=OPEN_ITEMS)
    stalled = list(items)
    items.update(status=ItemStatus.STALLED, error_code=code, error_message=message[:500])
    announce.items_stalled(stalled)
    settle([job.enhancement_id])


def resume_stalled(job: ProviderJob, status: ItemStatus = ItemStatus.PROCESSING) -> None:
    """It is known what became of a stalled job, which the caller has moved on: so do its items."""
    items = EnhancementItem.objects.filter(job=job, status=ItemStatus.STALLED)
    items.update(status=status, **NO_REASON)
    settle([job.enhancement_id])


def settle(enhancement_ids: Iterable[int]) -> None:
    """Give each enhancement the status that its items add up to. They are only counted when none is open any more."""
    chosen = Enhancement.objects.filter(pk__in=set(enhancement_ids))
    # Locked before looking: of two workers that end the last two items, the second has to see the first one's.
    states = dict(chosen.select_for_update(no_key=True).order_by("pk").values_list("pk", "status"))
    unended = EnhancementItem.objects.filter(enhancement=OuterRef("pk"), status__in=ACTIVE_ITEMS)
    preparing = Preparation.objects.filter(enhancement=OuterRef("pk"))
    busy = set(chosen.filter(Exists(unended) | Exists(preparing)).values_list("pk", flat=True))
    for pk in [pk for pk in busy if states.get(pk) not in ACTIVE_ENHANCEMENTS]:
        begun = ProviderJob.objects.filter(enhancement=pk).exclude(state=JobState.QUEUED).exists()
        status = EnhancementStatus.PROCESSING if begun else EnhancementStatus.QUEUED
        Enhancement.objects.filter(pk=pk).update(status=status, finished_at=None)
    ended = states.keys() - busy
    for enhancement in Enhancement.objects.filter(pk__in=ended).with_progress() if ended else ():
        enhancement.status = _end_of(enhancement)
        other = Enhancement.objects.filter(pk=enhancement.pk).exclude(status=enhancement.status)
        if other.update(status=enhancement.status, finished_at=Now()):
            announce.enhancement_ended(enhancement)


def _end_of(enhancement: Enhancement) -> EnhancementStatus:
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
