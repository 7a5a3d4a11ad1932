"""Steer: cancel what has not begun, try again what failed."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from product_imagery import background
from product_imagery.exceptions import StateError
from product_imagery.flows.settle import settle
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob
from product_imagery.states import OPEN_ITEMS, ItemStatus, JobState


def cancel(enhancement: Enhancement) -> int:
    """Cancel all items that have not been handed over and return their number; the others come to their own end.

    Raises ``StateError`` when the enhancement has ended already.
    """
    with transaction.atomic():
        if not enhancement.is_active:
            raise StateError("The enhancement has ended already.")
        Enhancement.objects.filter(pk=enhancement.pk, cancelled_at=None).update(cancelled_at=Now())
        waiting = ProviderJob.objects.filter(enhancement=enhancement, state=JobState.QUEUED)
        waiting.update(state=JobState.CANCELLED, finished_at=Now())
        items = EnhancementItem.objects.filter(enhancement=enhancement, job__state=JobState.CANCELLED).filter(
            status__in=OPEN_ITEMS
        )
        ends = {"active_key": None, "finished_at": Now()}
        count = items.filter(results__isnull=False).update(status=ItemStatus.COMPLETED, **ends)
        count += items.update(status=ItemStatus.CANCELLED, **ends)
        settle([enhancement.pk])
    return count


def retry(enhancement: Enhancement, *, only_failed: bool = False) -> int:
    """Queue failed and cancelled items again and return their number; those under way elsewhere are left out.

    Raises ``StateError`` when there is nothing to retry.
    """
    ended = [ItemStatus.FAILED] if only_failed else [ItemStatus.FAILED, ItemStatus.CANCELLED]
    with transaction.atomic():
        count = sum(_again(item) for item in enhancement.items.filter(status__in=ended).select_related("job"))
        if not count:
            raise StateError("No picture of this enhancement failed or was cancelled.")
        Enhancement.objects.filter(pk=enhancement.pk).update(cancelled_at=None)
        settle([enhancement.pk])
        background.wake()
    return count


def _again(item: EnhancementItem) -> bool:
    try:
        with transaction.atomic():
            if not EnhancementItem.objects.filter(status=item.status).reopen(item):
                return False
            job = ProviderJob.objects.filter(items=item, state__in=(JobState.FAILED, JobState.CANCELLED))
            again = {"state": JobState.QUEUED, "due_at": Now(), "token": None, "claims": 0, "finished_at": None}
            if not job.update(**again):
                transaction.set_rollback(True)
                return False
            return True
    except IntegrityError:
        return False
