"""Claim: which calls of hosted providers may be made now, within every limit, budget and gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from product_imagery.flows.settle import begin
from product_imagery.models import LimitUse, ProviderCredential, ProviderJob
from product_imagery.provider_kit.contract import Counted
from product_imagery.states import JobState

_READS = (JobState.RUNNING, JobState.CHECKING)
_ACTIVE = (JobState.SENDING, *_READS)


def claim_calls(providers: Iterable[str], *, most: int, seconds: float) -> list[ProviderJob]:
    """Take up to ``most`` jobs whose next call is due and fits the limits of its account; count the calls."""
    if most <= 0:
        return []
    waiting = ProviderJob.objects.filter(
        credential=OuterRef("pk"), state__in=(JobState.QUEUED, *_READS), due_at__lte=Now()
    )
    ready = ProviderCredential.objects.ready().filter(Exists(waiting), provider__in=list(providers))
    taken: list[ProviderJob] = []
    for pk in ready.order_by("pk").values_list("pk", flat=True):
        taken += _claim_of(pk, most - len(taken), seconds)
    return taken


def _claim_of(pk: int, most: int, seconds: float) -> list[ProviderJob]:
    if most <= 0:
        return []
    with transaction.atomic():
        credential = ProviderCredential.objects.locked(pk)
        if credential is None:
            return []
        limits = credential.limits()
        room = LimitUse.objects.room(credential, limits)
        chosen = _reads(credential, room, most)
        chosen += _creates(credential, room, most - len(chosen))
        taken = ProviderJob.objects.take(chosen, seconds)
        total: Counter[Counted] = Counter()
        for job in taken:
            total.update(_amounts(job))
        LimitUse.objects.note(credential, limits, total)
        begin(job for job in taken if job.state == JobState.SENDING)
    return taken


def _reads(credential: ProviderCredential, room: dict[Counted, int], most: int) -> list[ProviderJob]:
    due = credential.jobs.due_calls().filter(state__in=_READS)
    return [job for job in due[:most] if _fits(room, job)]


def _creates(credential: ProviderCredential, room: dict[Counted, int], most: int) -> list[ProviderJob]:
    allowed = credential.active_limit()
    if allowed and most > 0:
        active = credential.jobs.filter(state__in=_ACTIVE).count()
        most = min(most, allowed - active)
    most = min(most, room.get(Counted.CREATES, most))
    if most <= 0:
        return []
    chosen = []
    for job in credential.jobs.due_calls().filter(state=JobState.QUEUED)[:most]:
        if not _fits(room, job):
            break  # the next one would overtake it for ever
        chosen.append(job)
    return chosen


def _amounts(job: ProviderJob) -> dict[Counted, int]:
    """What the next call of a job uses up of its account's limits."""
    if job.state in _READS:
        return {Counted.REQUESTS: 1, Counted.READS: 1}
    return {Counted.REQUESTS: 1, Counted.CREATES: 1, Counted.IMAGES: len(job.items.all())}


def _fits(room: dict[Counted, int], job: ProviderJob) -> bool:
    """Take what the job's next call uses out of the room, all or none."""
    amounts = {counted: amount for counted, amount in _amounts(job).items() if counted in room}
    if any(room[counted] < amount for counted, amount in amounts.items()):
        return False
    for counted, amount in amounts.items():
        room[counted] -= amount
    return True
