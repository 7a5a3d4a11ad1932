"""Steer: cancel what has not begun, try again what failed, decide what became of a lost request."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from product_imagery import background
from product_imagery.exceptions import StateError
from product_imagery.flows import ledger
from product_imagery.flows.settle import end_items, resume_stalled, settle
from product_imagery.models import Enhancement, EnhancementItem, ProviderCredential, ProviderJob
from product_imagery.provider_kit.contract import next_again
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import OPEN_ITEMS, ItemStatus, JobState


def cancel(enhancement: Enhancement) -> int:
    """Cancel all items that have not been handed over and return their number; the others come to their own end.

    Raises ``StateError`` when the enhancement has ended already.
    """
    if not enhancement.is_active:
        raise StateError("The enhancement has ended already.")
    with transaction.atomic():
        count = _cancel_waiting(enhancement)
        Enhancement.objects.filter(pk=enhancement.pk, cancelled_at=None).update(cancelled_at=Now())
    return count


def cancel_returned() -> int:
    """Cancel what was under way when its enhancement was cancelled, and came back to the queue; return how much."""
    returned = ProviderJob.objects.filter(state=JobState.QUEUED, enhancement=OuterRef("pk"))
    cancelled = Enhancement.objects.filter(Exists(returned), cancelled_at__isnull=False)
    return sum(_cancel_waiting(enhancement) for enhancement in cancelled)


@transaction.atomic
def _cancel_waiting(enhancement: Enhancement) -> int:
    """What nobody has claimed ends, and only of that the booking is released. Locks in the order of those who claim."""
    ProviderCredential.objects.lock(enhancement.credential_id)
    queued = ProviderJob.objects.filter(enhancement=enhancement, state=JobState.QUEUED)
    jobs = list(queued.select_for_update().order_by("pk"))
    waiting = ProviderJob.objects.filter(pk__in=[job.pk for job in jobs])
    ledger.release(jobs)
    waiting.let_go(JobState.CANCELLED, finished_at=Now())
    items = EnhancementItem.objects.filter(job__in=jobs, status__in=OPEN_ITEMS)
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
        reopened = _reopen(list(chosen.select_related("job__credential").select_for_update(of=("self",))))
        if not reopened:
            raise StateError("No picture of this enhancement failed or was cancelled.")
        _restart(enhancement, reopened)
        Enhancement.objects.filter(pk=enhancement.pk).update(cancelled_at=None)
        settle([enhancement.pk])
        background.wake()
    return len(reopened)


def _reopen(items: list[EnhancementItem]) -> list[EnhancementItem]:
    """Queue ended items again, all at once; one by one where some are under way elsewhere, which are left out."""
    try:
        with transaction.atomic():
            EnhancementItem.objects.filter(pk__in=[item.pk for item in items]).reopen()
            return items
    except IntegrityError:
        return [one for item in items for one in _reopen([item])] if len(items) > 1 else []


_ENDED = (JobState.FAILED, JobState.CANCELLED, JobState.DONE)
_AGAIN: dict[str, Any] = {"due_at": Now(), "claims": 0, "troubles": 0, "note": "", "finished_at": None}


def _restart(enhancement: Enhancement, items: list[EnhancementItem]) -> None:
    """Have the work of reopened items done: by their jobs again, or by new ones where the old creates were paid for.

    Results that the provider has already are only collected. Raises ``RequestError`` over a budget.
    """
    by_job: dict[ProviderJob, list[EnhancementItem]] = {
        job: list(group) for job, group in itertools.groupby(items, key=lambda item: item.job) if job is not None
    }
    repeatable = get_provider(enhancement.credential.provider).repeatable
    collect = {job.pk for job in by_job if job.collectable}
    repeat = {job.pk for job in by_job if repeatable} - collect
    ended = ProviderJob.objects.filter(state__in=_ENDED)
    ended.filter(pk__in=collect).let_go(JobState.RUNNING, accepted_at=Now(), **_AGAIN)
    ended.filter(pk__in=repeat).let_go(JobState.QUEUED, **_AGAIN)
    bought = [job for job in by_job if job.pk not in collect | repeat]
    fresh = ledger.order_again(enhancement, [(job.options, len(by_job[job])) for job in bought])
    moved = []
    for old, new in zip(bought, fresh, strict=True):
        for item in by_job[old]:
            item.job = new
            moved.append(item)
    EnhancementItem.objects.bulk_update(moved, ["job"], batch_size=200)


def send_again(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """A person has a stalled job sent once more. It may cost once more; it does where the first one was accepted.

    Raises ``StateError`` when it does not wait for a decision, ``RequestError`` over a budget.
    """
    if job.accepted_at is not None:
        _buy_again(job, actor)
        return
    again = next_again(job.remembered)  # another mark: the first one may be taken there
    changes: dict[str, Any] = {"remembered": again, "intent": None, "intent_at": None, "remote_id": ""}
    changes |= {"collectable": False, **_AGAIN}
    _decide(job, actor, JobState.QUEUED, ItemStatus.QUEUED, "It was not accepted: sent again.", changes)


def _buy_again(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """What was accepted is paid for and lost: another job is ordered, and booked, in its place."""
    with transaction.atomic():
        ended = {"finished_at": Now(), "collectable": False}
        _decide(job, actor, JobState.FAILED, ItemStatus.QUEUED, "Its result is lost: ordered again.", ended)
        waiting = EnhancementItem.objects.filter(job=job, status=ItemStatus.QUEUED).select_related("job__credential")
        _restart(job.enhancement, list(waiting))


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
        _decide(
            job,
            actor,
            JobState.FAILED,
            ItemStatus.PROCESSING,
            "Given up.",
            {"finished_at": Now(), "collectable": False},
        )
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
        resume_stalled(job, items)
        background.wake()
