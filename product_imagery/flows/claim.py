"""Claim: which calls of hosted providers may be made now, within every limit, budget and gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch
from django.db.models.functions import Now

from product_imagery.flows.settle import begin
from product_imagery.models import EnhancementItem, LimitUse, ProviderCredential, ProviderJob
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
        room = {counted: LimitUse.objects.room(credential, limits, counted) for counted in Counted}
        chosen = _reads(credential, room, most)
        chosen += _creates(credential, room, most - len(chosen))
        taken = ProviderJob.objects.take(chosen, seconds)
        total: Counter[Counted] = Counter()
        for job in taken:
            total.update(_amounts(job, creates=job.state == JobState.SENDING))
        LimitUse.objects.note(credential, limits, total)
        begin(job for job in taken if job.state == JobState.SENDING)
    return taken


def _reads(credential: ProviderCredential, room: dict[Counted, int | None], most: int) -> list[ProviderJob]:
    due = ProviderJob.objects.due_at_provider(credential).filter(state__in=_READS)[:most]
    return [job for job in due if _fits(room, {Counted.REQUESTS: 1, Counted.READS: 1})]


def _creates(credential: ProviderCredential, room: dict[Counted, int | None], most: int) -> list[ProviderJob]:
    allowed = credential.active_limit()
    if allowed:
        active = ProviderJob.objects.filter(credential=credential, state__in=_ACTIVE).count()
        most = min(most, allowed - active)
    if most <= 0 or room[Counted.CREATES] == 0:
        return []
    items = Prefetch("items", EnhancementItem.objects.only("pk", "job"))
    due = ProviderJob.objects.due_at_provider(credential).filter(state=JobState.QUEUED).prefetch_related(items)
    chosen = []
    for job in due[:most]:
        if not _fits(room, _amounts(job, creates=True)):
            break  # the next one would overtake it for ever
        chosen.append(job)
    return chosen


def _amounts(job: ProviderJob, *, creates: bool) -> dict[Counted, int]:
    if not creates:
        return {Counted.REQUESTS: 1, Counted.READS: 1}
    return {Counted.REQUESTS: 1, Counted.CREATES: 1, Counted.IMAGES: len(job.items.all())}


def _fits(room: dict[Counted, int | None], amounts: dict[Counted, int]) -> bool:
    """Take the amounts out of the room, all or none."""
    for counted, amount in amounts.items():
        left = room[counted]
        if left is not None and left < amount:
            return False
    for counted, amount in amounts.items():
        left = room[counted]
        if left is not None:
            room[counted] = left - amount
    return True
