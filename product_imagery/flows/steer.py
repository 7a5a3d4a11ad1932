"""Steer: cancel what has not begun, try again what failed, decide what became of a lost request."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from product_imagery import background
from product_imagery.exceptions import StateError
from product_imagery.flows import ledger
from product_imagery.flows.settle import end_items, settle
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob
from product_imagery.models.enhancement import NO_REASON
from product_imagery.provider_kit.registry import get_provider
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
        for job in waiting.filter(entries__isnull=False).distinct():
            ledger.release(job)
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

    Raises ``StateError`` when there is nothing to retry, ``RequestError`` over a budget.
    """
    ended = [ItemStatus.FAILED] if only_failed else [ItemStatus.FAILED, ItemStatus.CANCELLED]
    with transaction.atomic():
        chosen = enhancement.items.filter(status__in=ended, job__state__in=_ENDED).order_by("job", "pk")
        reopened = [item for item in chosen.select_related("job__credential") if _reopen(item)]
        if not reopened:
            raise StateError("No picture of this enhancement failed or was cancelled.")
        for job, items in itertools.groupby(reopened, key=lambda item: item.job):
            _restart(job, [item.pk for item in items])
        Enhancement.objects.filter(pk=enhancement.pk).update(cancelled_at=None)
        settle([enhancement.pk])
        background.wake()
    return len(reopened)


def _reopen(item: EnhancementItem) -> bool:
    try:
        with transaction.atomic():
            return bool(EnhancementItem.objects.filter(status=item.status).reopen(item))
    except IntegrityError:
        return False


_ENDED = (JobState.FAILED, JobState.CANCELLED, JobState.DONE)
_AGAIN: dict[str, Any] = {"due_at": Now(), "claims": 0, "troubles": 0, "note": "", "finished_at": None}


def _restart(job: ProviderJob, items: list[int]) -> None:
    """Have the work of reopened items done: by their job again, or by a new one where the old create was paid for.

    Results that the provider has already are only collected. Raises ``RequestError`` over a budget.
    """
    ended = ProviderJob.objects.filter(pk=job.pk, state__in=_ENDED)
    if job.collectable:
        ended.let_go(JobState.RUNNING, accepted_at=Now(), **_AGAIN)
    elif get_provider(job.provider).repeatable:
        ended.let_go(JobState.QUEUED, **_AGAIN)
    else:
        fresh = ledger.order_again(job.enhancement, job.options, len(items))
        EnhancementItem.objects.filter(pk__in=items).update(job=fresh)


def send_again(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """A person says that the provider did not accept a stalled job: it is sent once more, and may cost once more.

    Raises ``StateError`` when it does not wait for a decision.
    """
    changes: dict[str, Any] = {"remembered": {}, "intent": None, "intent_at": None, "remote_id": "", **_AGAIN}
    _decide(job, actor, JobState.QUEUED, ItemStatus.QUEUED, "It was not accepted: sent again.", changes)


def adopt(job: ProviderJob, remote_id: str, actor: AbstractBaseUser | None) -> None:
    """A person says that the provider accepted a stalled job under this id: it is read from there.

    Raises ``StateError`` when it does not wait for a decision, or when the id belongs to another job.
    """
    remote_id = remote_id.strip()
    if not remote_id:
        raise StateError("Give the id that the provider shows for this work.")
    changes = {"remote_id": remote_id, "accepted_at": Now(), **_AGAIN}
    try:
        _decide(job, actor, JobState.RUNNING, ItemStatus.PROCESSING, f"It was accepted as {remote_id}."[:200], changes)
    except IntegrityError:
        raise StateError(f"The id {remote_id} belongs to another job.") from None


def give_up(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """A person does not want to know: the job ends as failed, and what it may have cost stays booked.

    Raises ``StateError`` when it does not wait for a decision.
    """
    with transaction.atomic():
        _decide(job, actor, JobState.FAILED, ItemStatus.PROCESSING, "Given up.", {"finished_at": Now()})
        end_items(job, ItemStatus.FAILED, StateError("A person gave this picture up.", code="given_up"))


def _decide(
    job: ProviderJob,
    actor: AbstractBaseUser | None,
    state: JobState,
    items: ItemStatus,
    decision: str,
    changes: dict[str, Any],
) -> None:
    with transaction.atomic():
        stalled = ProviderJob.objects.filter(pk=job.pk, state=JobState.STALLED)
        if not stalled.let_go(state, decided_by=actor, decision=decision, **changes):
            raise StateError("This job does not wait for a decision (any more).")
        waiting = EnhancementItem.objects.filter(job=job, status=ItemStatus.STALLED)
        waiting.update(status=items, **NO_REASON)
        settle([job.enhancement_id])
        background.wake()
