"""Cancel: end the jobs of an enhancement that no worker has begun."""

from __future__ import annotations

import time

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext

from product_imagery.exceptions import StateError
from product_imagery.flows.enhancements.items import note_omitted
from product_imagery.flows.guard import retried
from product_imagery.flows.jobs.rollup import update_status
from product_imagery.flows.money import budgets
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    Preparation,
    ProviderCredential,
    ProviderJob,
    transitions,
)
from product_imagery.states import OPEN_ITEMS, ItemStatus, JobState

BATCH_JOBS = 250  #: jobs in one transaction
_REQUEST_SECONDS = 1.0  #: for which a request cancels; the rest is left to the workers
_PAUSE_SECONDS = 0.05  #: between two transactions: others who wait for SQLite's lock only poll for it


@retried
def cancel(enhancement: Enhancement) -> int:
    """Cancel all items that no worker has begun, and return their number; the others go on to their own ends.

    From the first transaction on, workers begin nothing more of this enhancement. If there are many items, the workers
    cancel those for which this call has no time. Raises ``StateError`` when the enhancement has ended already.
    """
    if not enhancement.is_active:
        raise StateError(gettext("The enhancement has ended already."))
    with transaction.atomic():
        ProviderCredential.objects.lock(enhancement.credential_id)
        unprepared = _stop_preparing(enhancement)
        Enhancement.objects.filter(pk=enhancement.pk, cancelled_at=None).update(cancelled_at=Now())
        waiting = EnhancementItem.objects.filter(job__in=_waiting(enhancement), status__in=OPEN_ITEMS).count()
        update_status([enhancement.pk])
    cancelled, is_done = _cancel_batches(enhancement)
    return unprepared + (cancelled if is_done else max(cancelled, waiting))


def cancel_returned() -> int:
    """Cancel queued items of cancelled enhancements, such as those whose call was repeated; return how many."""
    returned = ProviderJob.objects.filter(state=JobState.QUEUED, enhancement=OuterRef("pk"))
    cancelled = Enhancement.objects.filter(Exists(returned), cancelled_at__isnull=False)
    return sum(_cancel_batches(enhancement)[0] for enhancement in cancelled)


def _stop_preparing(enhancement: Enhancement) -> int:
    """Drop pictures that are not items yet, with their reservation; return how many."""
    preparing = Preparation.objects.filter(enhancement=enhancement)
    dropped = preparing.select_for_update().first()
    if dropped is None:
        return 0
    preparing.delete()
    names = dropped.unprepared()
    note_omitted(enhancement.pk, {"cancelled": names}, {"cancelled": dropped.left - len(names)})
    return dropped.left


def _cancel_batches(enhancement: Enhancement) -> tuple[int, bool]:
    """Cancel queued jobs in short transactions; return the number of pictures, and whether that was all.

    Inside a transaction of the caller one batch is enough, as its lock is held until that ends.
    """
    count, jobs, end = 0, BATCH_JOBS, time.monotonic() + _REQUEST_SECONDS
    while jobs == BATCH_JOBS:
        if count and (connection.in_atomic_block or time.monotonic() > end):
            return count, False
        time.sleep(_PAUSE_SECONDS if count else 0.0)
        jobs, pictures = _cancel_waiting(enhancement)
        count += pictures
    return count, True


def _waiting(enhancement: Enhancement) -> QuerySet[ProviderJob]:
    """Return the jobs that no worker has leased."""
    return ProviderJob.objects.filter(enhancement=enhancement, state=JobState.QUEUED)


@transaction.atomic
def _cancel_waiting(enhancement: Enhancement) -> tuple[int, int]:
    """Cancel a batch of queued jobs and release their reservations; return the numbers of jobs and pictures.

    It locks in the same order as ``acquire_calls``: account, then jobs.
    """
    ProviderCredential.objects.lock(enhancement.credential_id)
    jobs = list(_waiting(enhancement).select_for_update().order_by("pk")[:BATCH_JOBS])
    waiting = ProviderJob.objects.filter(pk__in=[job.pk for job in jobs])
    budgets.release(jobs)
    transitions.mark_cancelled(waiting)
    items = EnhancementItem.objects.filter(job__in=jobs)
    count = transitions.end_items(items.filter(results__isnull=False), ItemStatus.COMPLETED)
    count += transitions.end_items(items, ItemStatus.CANCELLED)
    update_status([enhancement.pk])
    return len(jobs), count
