"""Cancel: end what no worker has begun."""

from __future__ import annotations

import time

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

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

_BATCH = 250  #: jobs in one transaction
_PATIENCE = 1.0  #: seconds that a request may take for what a worker can do as well
_BREATH = 0.05  #: seconds between two transactions: who waits for SQLite's lock looks for it from time to time


@retried
def cancel(enhancement: Enhancement) -> int:
    """Cancel all items that have not been handed over and return their number; the others come to their own end.

    Nothing more is handed over from the first moment on. Of many, what a request has no time for is left to the
    workers. Raises ``StateError`` when the enhancement has ended already.
    """
    if not enhancement.is_active:
        raise StateError("The enhancement has ended already.")
    with transaction.atomic():
        ProviderCredential.objects.lock(enhancement.credential_id)
        unprepared = _stop_preparing(enhancement)
        Enhancement.objects.filter(pk=enhancement.pk, cancelled_at=None).update(cancelled_at=Now())
        waiting = EnhancementItem.objects.filter(job__in=_waiting(enhancement), status__in=OPEN_ITEMS).count()
        update_status([enhancement.pk])
    cancelled, is_done = _cancel_batches(enhancement)
    return unprepared + (cancelled if is_done else max(cancelled, waiting))


def cancel_returned() -> int:
    """Cancel what was under way when its enhancement was cancelled, and came back to the queue; return how much."""
    returned = ProviderJob.objects.filter(state=JobState.QUEUED, enhancement=OuterRef("pk"))
    cancelled = Enhancement.objects.filter(Exists(returned), cancelled_at__isnull=False)
    return sum(_cancel_batches(enhancement)[0] for enhancement in cancelled)


def _stop_preparing(enhancement: Enhancement) -> int:
    """What is no item yet never becomes one, and what is promised for it is free again; return of how many."""
    preparing = Preparation.objects.filter(enhancement=enhancement)
    unprepared = sum(preparing.select_for_update().values_list("left", flat=True))
    preparing.delete()
    note_omitted(enhancement.pk, {"cancelled": unprepared})
    return unprepared


def _cancel_batches(enhancement: Enhancement) -> tuple[int, bool]:
    """Cancel what waits in short transactions; how many pictures, and whether that was all.

    Inside a longer transaction one batch is enough: its lock would be held all the time.
    """
    count, jobs, end = 0, _BATCH, time.monotonic() + _PATIENCE
    while jobs == _BATCH:
        if count and (connection.in_atomic_block or time.monotonic() > end):
            return count, False
        time.sleep(_BREATH if count else 0.0)
        jobs, pictures = _cancel_waiting(enhancement)
        count += pictures
    return count, True


def _waiting(enhancement: Enhancement) -> QuerySet[ProviderJob]:
    """Jobs that nobody has claimed."""
    return ProviderJob.objects.filter(enhancement=enhancement, state=JobState.QUEUED)


@transaction.atomic
def _cancel_waiting(enhancement: Enhancement) -> tuple[int, int]:
    """What nobody has claimed ends, and only of that the booking is released: how many jobs and how many pictures.

    Locks in the order of those who claim.
    """
    ProviderCredential.objects.lock(enhancement.credential_id)
    jobs = list(_waiting(enhancement).select_for_update().order_by("pk")[:_BATCH])
    waiting = ProviderJob.objects.filter(pk__in=[job.pk for job in jobs])
    budgets.release(jobs)
    transitions.mark_cancelled(waiting)
    items = EnhancementItem.objects.filter(job__in=jobs)
    count = transitions.end_items(items.filter(results__isnull=False), ItemStatus.COMPLETED)
    count += transitions.end_items(items, ItemStatus.CANCELLED)
    update_status([enhancement.pk])
    return len(jobs), count
