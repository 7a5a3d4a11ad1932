"""Retry: queue failed and cancelled items again. Where a create has to be paid again, they get a new job."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from product_imagery import background
from product_imagery.exceptions import StateError
from product_imagery.flows.guard import retried
from product_imagery.flows.jobs.rollup import update_status
from product_imagery.flows.money import budgets
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    EnhancementItem,
    Preparation,
    ProviderCredential,
    ProviderJob,
    transitions,
)
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import ENDED_JOBS, ItemStatus, JobState

BATCH_JOBS = 250  #: jobs in one transaction


@retried
def retry(enhancement: Enhancement, *, only_failed: bool = False, reason: str | None = None) -> int:
    """Queue failed and cancelled items again and return their number; those under way elsewhere are left out.

    ``reason``: error code of the failed items that are meant, if not all.
    If there are many, the workers queue them in batches; the whole cost is reserved here. Raises ``StateError`` when
    there is nothing to retry or the enhancement is still being prepared, ``RequestError`` over a budget.
    """
    if enhancement.is_preparing:
        raise StateError(gettext("This enhancement is still being prepared. Wait a moment, then try again."))
    chosen = _to_retry(enhancement, only_failed, reason)
    if chosen.count() > BATCH_JOBS:
        return _retry_later(enhancement, only_failed, reason)
    with transaction.atomic():
        reopened = _reopen(list(chosen.select_for_update(of=("self",))))
        if not reopened:
            raise StateError(gettext("No picture of this enhancement failed or was cancelled."))
        restart(enhancement, reopened)
        _go_on(enhancement)
    return len(reopened)


def _to_retry(enhancement: Enhancement, only_failed: bool, reason: str | None) -> QuerySet[EnhancementItem]:
    only_failed = only_failed or reason is not None
    ended = [ItemStatus.FAILED] if only_failed else [ItemStatus.FAILED, ItemStatus.CANCELLED]
    chosen = enhancement.items.filter(status__in=ended, job__state__in=ENDED_JOBS).order_by("job", "pk")
    if reason is not None:
        chosen = chosen.filter(error_code=reason)
    return chosen.select_related("job__credential")


def _go_on(enhancement: Enhancement) -> None:
    Enhancement.objects.filter(pk=enhancement.pk).update(cancelled_at=None)
    update_status([enhancement.pk])
    background.wake()


def _retry_later(enhancement: Enhancement, only_failed: bool, reason: str | None) -> int:
    """Reserve the cost of a large retry and leave it to the workers; return the number of items."""
    pictures: Counter[int] = Counter(_to_retry(enhancement, only_failed, reason).values_list("job", flat=True))
    jobs = ProviderJob.objects.filter(enhancement=enhancement).defer("intent").in_bulk()
    bought = [jobs[pk] for pk in pictures if _costs_again(jobs[pk])]
    priced = budgets.price_again(enhancement, [(job.options, pictures[job.pk]) for job in bought])
    total = sum((cost for _, cost in priced), Decimal(0))
    order: dict[str, Any] = {"kind": Preparation.Kind.RETRY, "only_failed": only_failed, "reason": reason}
    order |= {"until": max(pictures), "reserved": total}
    try:
        with transaction.atomic():
            budgets.allow(enhancement.credential, total, key=enhancement.api_key, earlier=enhancement)
            Preparation.objects.create(enhancement=enhancement, **order)
            _go_on(enhancement)
    except IntegrityError:
        raise StateError(gettext("Somebody else has just had these pictures tried again.")) from None
    return pictures.total()


def retry_batch(preparation: Preparation) -> None:
    """Queue the items of the next jobs again, except those that failed after the retry was requested."""
    enhancement = preparation.enhancement
    meant = {"job__gt": preparation.position, "job__lte": preparation.until}
    chosen = _to_retry(enhancement, preparation.only_failed, preparation.reason)
    chosen = chosen.filter(**meant, finished_at__lte=preparation.created_at)
    jobs = list(chosen.order_by("job").values_list("job", flat=True).distinct()[:BATCH_JOBS])
    with transaction.atomic():
        if preparation.reserved:
            ProviderCredential.objects.lock(enhancement.credential_id)
        if not jobs:
            Preparation.objects.filter(pk=preparation.pk, position=preparation.position).delete()
            update_status([enhancement.pk])
            return
        reopened = _reopen(list(chosen.filter(job__in=jobs).select_for_update(of=("self",))))
        cost = restart(enhancement, reopened, reserved=preparation.reserved, at=preparation.created_at)
        if not Preparation.objects.advance(preparation, position=jobs[-1], left=0, cost=cost):
            raise StateError(gettext("Somebody else is at it."))  # rolls everything back
        update_status([enhancement.pk])


def _reopen(items: list[EnhancementItem]) -> list[EnhancementItem]:
    """Queue ended items again and return them, without those that are under way elsewhere.

    They are tried all at once, and one by one where that violates the uniqueness of active work.
    """
    try:
        with transaction.atomic():
            transitions.reopen_items(EnhancementItem.objects.filter(pk__in=[item.pk for item in items]))
            return items
    except IntegrityError:
        return [one for item in items for one in _reopen([item])] if len(items) > 1 else []


def _costs_again(job: ProviderJob) -> bool:
    """Return true if a retry is another purchase: not where results can be collected, or creates cost nothing."""
    return not (job.collectable or get_provider(job.provider).repeatable)


def restart(
    enhancement: Enhancement, items: list[EnhancementItem], reserved: Decimal = Decimal(0), at: datetime | None = None
) -> Decimal:
    """Queue the jobs of reopened items, or create new ones where the creates were paid for; return what is reserved.

    ``reserved``: so much is reserved for them already. Raises ``RequestError`` over a budget. By job::

        the provider still has the results    collectable    running: they are only fetched, at no cost
        local engine                          repeatable     queued again, at no cost
        paid, and without results             neither        a new job takes over the items, with a reservation
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
    fresh = budgets.order_again(enhancement, orders, reserved, at) if orders else []
    moved = []
    for old, new in zip(bought, fresh, strict=True):
        for item in by_job[old]:
            item.job = new
            moved.append(item)
    EnhancementItem.objects.bulk_update(moved, ["job"], batch_size=200)
    return sum(CreditEntry.objects.booked(fresh).values(), Decimal(0))
