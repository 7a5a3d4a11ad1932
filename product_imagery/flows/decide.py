"""Decide: what a person says about many lost requests at once, and what it may cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from product_imagery.exceptions import ImageryError
from product_imagery.flows import steer
from product_imagery.models import ProviderJob
from product_imagery.models.job import JobQuerySet
from product_imagery.provider_kit.registry import get_offer
from product_imagery.states import JobState

SEND_AGAIN, GIVE_UP = "send_again", "give_up"
_STEPS: dict[str, Callable[[ProviderJob, AbstractBaseUser | None], None]] = {
    SEND_AGAIN: steer.send_again,
    GIVE_UP: steer.give_up,
}


def stalled() -> JobQuerySet:
    """Jobs that wait for a person's decision, with their accounts and items."""
    return ProviderJob.objects.filter(state=JobState.STALLED).select_related("credential").prefetch_related("items")


def cost_again(job: ProviderJob) -> Decimal:
    """The most that sending the job again may cost."""
    provider = job.credential.declared
    each = job.credential.cost_of(job.operation, get_offer(provider, job.operation), job.options)
    return each * len(job.items.all())


def summary(jobs: Iterable[ProviderJob]) -> list[dict[str, Any]]:
    """By account: jobs, pictures, how many are known to be accepted or may be, and what sending them again may cost."""
    by_account: dict[Any, list[ProviderJob]] = defaultdict(list)
    for job in jobs:
        by_account[job.credential].append(job)
    return [
        {
            "account": account.label,
            "jobs": len(some),
            "pictures": sum(len(job.items.all()) for job in some),
            "accepted": sum(job.accepted_at is not None or bool(job.candidates) for job in some),
            "cost": sum(map(cost_again, some), Decimal(0)),
            "currency": account.declared.currency,
        }
        for account, some in by_account.items()
    ]


def decide_all(
    jobs: Iterable[ProviderJob], choice: str, actor: AbstractBaseUser | None
) -> tuple[list[ProviderJob], Counter[str]]:
    """Decide about each job alone; return those that it was done for, and how often each refusal came."""
    done, refusals = [], Counter[str]()
    for job in jobs:
        try:
            _STEPS[choice](job, actor)
            done.append(job)
        except ImageryError as error:
            refusals[error.message] += 1
    return done, refusals
