"""Reconcile: a person decides about stalled jobs, whose creates the provider may or may not have accepted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext

from product_imagery import background
from product_imagery.exceptions import ImageryError, StateError
from product_imagery.flows.enhancements.retry import restart
from product_imagery.flows.guard import retried
from product_imagery.flows.jobs.rollup import end_items, resume_items
from product_imagery.flows.people import name_of_other
from product_imagery.models import (
    EnhancementItem,
    ProviderJob,
    transitions,
)
from product_imagery.models.job import JobQuerySet
from product_imagery.provider_kit.contract import next_again
from product_imagery.provider_kit.registry import get_offer
from product_imagery.states import ItemStatus, JobState

SEND_AGAIN, GIVE_UP = "send_again", "give_up"


def stalled() -> JobQuerySet:
    """Return the jobs that wait for a person's decision, with their credentials and items."""
    return ProviderJob.objects.filter(state=JobState.STALLED).select_related("credential").prefetch_related("items")


def cost_again(job: ProviderJob) -> Decimal:
    """Return the most that sending a job again may cost."""
    provider = job.credential.declared
    each = job.credential.cost_of(job.operation, get_offer(provider, job.operation), job.options)
    return each * len(job.items.all())


def summary(jobs: Iterable[ProviderJob]) -> list[dict[str, Any]]:
    """Return figures by credential: jobs, pictures, jobs that were or may be accepted, cost of sending all again."""
    by_credential: dict[Any, list[ProviderJob]] = defaultdict(list)
    for job in jobs:
        by_credential[job.credential].append(job)
    return [
        {
            "credential": credential.label,
            "jobs": len(some),
            "pictures": sum(len(job.items.all()) for job in some),
            "accepted": sum(job.accepted_at is not None or bool(job.candidates) for job in some),
            "cost": sum(map(cost_again, some), Decimal(0)),
            "currency": credential.declared.currency,
        }
        for credential, some in by_credential.items()
    ]


@retried
def send_again(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """Send a stalled job again. It costs once more where the first create was accepted, and may cost otherwise.

    Raises ``StateError`` when the job does not wait for a decision, ``RequestError`` over a budget.
    """
    if job.accepted_at is not None:
        _buy_again(job, actor)
        return
    again = next_again(job.remembered)  # with another idempotency key or reference: the first may be known there
    changes: dict[str, Any] = {"remembered": again, "intent": None, "intent_at": None, "remote_id": ""}
    sentence = gettext("It was not accepted: sent again.")
    _decide(job, actor, JobState.QUEUED, ItemStatus.QUEUED, sentence, collectable=False, **changes)


def _buy_again(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """Fail a job that was accepted and is lost, and reserve the cost of another one for its items."""
    with transaction.atomic():
        sentence = gettext("Its result is lost: ordered again.")
        _decide(job, actor, JobState.FAILED, ItemStatus.QUEUED, sentence, collectable=False)
        waiting = EnhancementItem.objects.filter(job=job, status=ItemStatus.QUEUED).select_related("job__credential")
        restart(job.enhancement, list(waiting))


@retried
def adopt(job: ProviderJob, remote_id: str, actor: AbstractBaseUser | None) -> None:
    """Continue a stalled job under the id that the provider shows for it.

    Raises ``StateError`` when the job does not wait for a decision, or when the id belongs to another job.
    """
    remote_id = remote_id.strip()
    if not remote_id:
        raise StateError(gettext("Give the id that the provider shows for this work."))
    accepted = {"remote_id": remote_id, "accepted_at": Now()}
    try:
        _decide(
            job,
            actor,
            JobState.RUNNING,
            ItemStatus.PROCESSING,
            gettext("It was accepted as %(remote_id)s.") % {"remote_id": remote_id},
            **accepted,
        )
    except IntegrityError:
        raise StateError(gettext("The id %(remote_id)s belongs to another job.") % {"remote_id": remote_id}) from None


@retried
def give_up(job: ProviderJob, actor: AbstractBaseUser | None) -> None:
    """Fail a stalled job. What it may have cost stays reserved.

    Raises ``StateError`` when the job does not wait for a decision.
    """
    with transaction.atomic():
        _decide(job, actor, JobState.FAILED, ItemStatus.PROCESSING, gettext("Given up."), collectable=False)
        end_items([job], ItemStatus.FAILED, StateError(gettext("A person gave this picture up."), code="given_up"))


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
            raise _decided(job, actor)
        resume_items(job, items)
        background.wake()


def _decided(job: ProviderJob, actor: AbstractBaseUser | None) -> StateError:
    """Return the error of a job that does not wait for a decision, with the one that somebody else has made."""
    found = ProviderJob.objects.select_related("decided_by").get(pk=job.pk)
    if person := name_of_other(found.decided_by, actor):
        facts = {"person": person, "decision": found.decision}
        return StateError(gettext("%(person)s has decided about this already: %(decision)s") % facts)
    return StateError(gettext("This job does not wait for a decision (any more)."))


_STEPS: dict[str, Callable[[ProviderJob, AbstractBaseUser | None], None]] = {
    SEND_AGAIN: send_again,
    GIVE_UP: give_up,
}


def decide_all(
    jobs: Iterable[ProviderJob], choice: str, actor: AbstractBaseUser | None
) -> tuple[list[ProviderJob], Counter[str]]:
    """Apply a decision to each job by itself; return the jobs that it was done for, and a count of each refusal."""
    done, refusals = [], Counter[str]()
    for job in jobs:
        try:
            _STEPS[choice](job, actor)
            done.append(job)
        except ImageryError as error:
            refusals[error.message] += 1
    return done, refusals
