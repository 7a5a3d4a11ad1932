"""Steer: cancel what has not begun, try again what failed, decide what became of a lost request."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from product_imagery import background
from product_imagery.exceptions import StateError
from product_imagery.flows import ledger
from product_imagery.flows.guard import retried
from product_imagery.flows.items import note_omitted
from product_imagery.flows.settle import end_items, resume_items, settle
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    EnhancementItem,
    Preparation,
    ProviderCredential,
    ProviderJob,
    transitions,
)
from product_imagery.provider_kit.contract import next_again
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import ENDED_JOBS, OPEN_ITEMS, ItemStatus, JobState

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
        settle([enhancement.pk])
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
    ledger.release(jobs)
    transitions.mark_cancelled(waiting)
    items = EnhancementItem.objects.filter(job__in=jobs)
    count = transitions.end_items(items.filter(results__isnull=False), ItemStatus.COMPLETED)
    count += transitions.end_items(items, ItemStatus.CANCELLED)
    settle([enhancement.pk])
    return len(jobs), count


@retried
def retry(enhancement: Enhancement, *, only_failed: bool = False) -> int:
    """Queue failed and cancelled items again and return their number; those under way elsewhere are left out.

    Many are queued by the workers, batch by batch; the whole cost is reserved here. Raises ``StateError`` when there is
    nothing to retry or the enhancement is still being prepared, ``RequestError`` over a budget.
    """
    if enhancement.is_preparing:
        raise StateError("This enhancement is still being prepared. Wait a moment, then try again.")
    chosen = _to_retry(enhancement, only_failed)
    if chosen.count() > _BATCH:
        return _retry_later(enhancement, only_failed)
    with transaction.atomic():
        reopened = _reopen(list(chosen.select_for_update(of=("self",))))
        if not reopened:
            raise StateError("No picture of this enhancement failed or was cancelled.")
        _restart(enhancement, reopened)
        _go_on(enhancement)
    return len(reopened)


def _to_retry(enhancement: Enhancement, only_failed: bool) -> QuerySet[EnhancementItem]:
    ended = [ItemStatus.FAILED] if only_failed else [ItemStatus.FAILED, ItemStatus.CANCELLED]
    chosen = enhancement.items.filter(status__in=ended, job__state__in=ENDED_JOBS).order_by("job", "pk")
    return chosen.select_related("job__credential")


def _go_on(enhancement: Enhancement) -> None:
    Enhancement.objects.filter(pk=enhancement.pk).update(cancelled_at=None)
    settle([enhancement.pk])
    background.wake()


def _retry_later(enhancement: Enhancement, only_failed: bool) -> int:
    """Accept that many are tried again: the workers take them job by job."""
    pictures: Counter[int] = Counter(_to_retry(enhancement, only_failed).values_list("job", flat=True))
    jobs = ProviderJob.objects.filter(enhancement=enhancement).defer("intent").in_bulk()
    bought = [jobs[pk] for pk in pictures if _costs_again(jobs[pk])]
    priced = ledger.price_again(enhancement, [(job.options, pictures[job.pk]) for job in bought])
    total = sum((cost for _, cost in priced), Decimal(0))
    order = {"kind": Preparation.Kind.RETRY, "only_failed": only_failed, "until": max(pictures), "reserved": total}
    try:
        with transaction.atomic():
            ledger.allow(enhancement.credential, total, key=enhancement.api_key, earlier=enhancement)
            Preparation.objects.create(enhancement=enhancement, **order)
            _go_on(enhancement)
    except IntegrityError:
        raise StateError("Somebody else has just had these pictures tried again.") from None
    return pictures.total()


def retry_batch(preparation: Preparation) -> None:
    """Queue the items of the next jobs again. Those that failed after the order was given are not meant."""
    enhancement = preparation.enhancement
    meant = {"job__gt": preparation.position, "job__lte": preparation.until}
    chosen = _to_retry(enhancement, preparation.only_failed)
    chosen = chosen.filter(**meant, finished_at__lte=preparation.created_at)
    jobs = list(chosen.order_by("job").values_list("job", flat=True).distinct()[:_BATCH])
    with transaction.atomic():
        if preparation.reserved:
            ProviderCredential.objects.lock(enhancement.credential_id)
        if not jobs:
            Preparation.objects.filter(pk=preparation.pk, position=preparation.position).delete()
            settle([enhancement.pk])
            return
        reopened = _reopen(list(chosen.filter(job__in=jobs).select_for_update(of=("self",))))
        cost = _restart(enhancement, reopened, promised=preparation.reserved, at=preparation.created_at)
        if not Preparation.objects.advance(preparation, position=jobs[-1], left=0, cost=cost):
            raise StateError("Somebody else is at it.")  # takes everything back
        settle([enhancement.pk])


def _reopen(items: list[EnhancementItem]) -> list[EnhancementItem]:
    """Queue ended items again, all at once; one by one where some are under way elsewhere, which are left out."""
    try:
        with transaction.atomic():
            transitions.reopen_items(EnhancementItem.objects.filter(pk__in=[item.pk for item in items]))
            return items
    except IntegrityError:
        return [one for item in items for one in _reopen([item])] if len(items) > 1 else []


def _costs_again(job: ProviderJob) -> bool:
    """Whether trying again is another purchase: what is collectable or repeatable is not."""
    return not (job.collectable or get_provider(job.provider).repeatable)


def _restart(
    enhancement: Enhancement, items: list[EnhancementItem], promised: Decimal = Decimal(0), at: datetime | None = None
) -> Decimal:
    """Have the work of reopened items done: by their jobs again, or by new ones where the old creates were paid for.

    Results that the provider has already are only collected. Returns what is booked. Raises ``RequestError`` over a
    budget, of which so much was ``promised`` before.
    """
    by_job: dict[ProviderJob, list[EnhancementItem]] = {
        job: list(group) for job, group in itertools.groupby(items, key=lambda item: item.job) if job is not None
    }
    bought = [job for job in by_job if _costs_again(job)]
    collect = {job.pk for job in by_job if job.collectable}
    repeat = {job.pk for job in by_job} - collect - {job.pk for job in bought}
    transitions.restart(ProviderJob.objects.filter(pk__in=collect), JobState.RUNNING)
    transitions.restart(ProviderJob.objects.filter(pk__in=repeat), JobState.QUEUED)
    orders = [(job.options, len(by_job[job])) for job in bought]
    fresh = ledger.order_again(enhancement, orders, promised, at) if orders else []
    moved = []
    for old, new in zip(bought, fresh, strict=True):
        for item in by_job[old]:
            item.job = new
            moved.append(item)
    EnhancementItem.objects.bulk_update(moved, ["job"], batch_size=200)
    return sum(CreditEntry.objects.booked(fresh).values(), Decimal(0))


@retried
def send_again(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """A person has a stalled job sent once more. It may cost once more; it does where the first one was accepted.

    Raises ``StateError`` when it does not wait for a decision, ``RequestError`` over a budget.
    """
    if job.accepted_at is not None:
        _buy_again(job, actor)
        return
    again = next_again(job.remembered)  # another mark: the first one may be taken there
    changes: dict[str, Any] = {"remembered": again, "intent": None, "intent_at": None, "remote_id": ""}
    sentence = "It was not accepted: sent again."
    _decide(job, actor, JobState.QUEUED, ItemStatus.QUEUED, sentence, collectable=False, **changes)


def _buy_again(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """What was accepted is paid for and lost: another job is ordered, and booked, in its place."""
    with transaction.atomic():
        sentence = "Its result is lost: ordered again."
        _decide(job, actor, JobState.FAILED, ItemStatus.QUEUED, sentence, collectable=False)
        waiting = EnhancementItem.objects.filter(job=job, status=ItemStatus.QUEUED).select_related("job__credential")
        _restart(job.enhancement, list(waiting))


@retried
def adopt(job: ProviderJob, remote_id: str, actor: AbstractBaseUser | None) -> None:
    """A person says that the provider accepted a stalled job under this id: it is read from there.

    Raises ``StateError`` when it does not wait for a decision, or when the id belongs to another job.
    """
    remote_id = remote_id.strip()
    if not remote_id:
        raise StateError("Give the id that the provider shows for this work.")
    accepted = {"remote_id": remote_id, "accepted_at": Now()}
    try:
        _decide(job, actor, JobState.RUNNING, ItemStatus.PROCESSING, f"It was accepted as {remote_id}.", **accepted)
    except IntegrityError:
        raise StateError(f"The id {remote_id} belongs to another job.") from None


@retried
def give_up(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """A person does not want to know: the job ends as failed, and what it may have cost stays booked.

    Raises ``StateError`` when it does not wait for a decision.
    """
    with transaction.atomic():
        _decide(job, actor, JobState.FAILED, ItemStatus.PROCESSING, "Given up.", collectable=False)
        end_items([job], ItemStatus.FAILED, StateError("A person gave this picture up.", code="given_up"))


def _decide(
    job: ProviderJob,
    actor: AbstractBaseUser | None,
    state: JobState,
    items: ItemStatus,
    decision: str,
    **columns: Any,
) -> None:
    with transaction.atomic():
        if not transitions.decide(ProviderJob.objects.filter(pk=job.pk), state, decision, actor, **columns):
            raise StateError("This job does not wait for a decision (any more).")
        resume_items(job, items)
        background.wake()
