"""Claim: which calls of hosted providers may be made now, within every limit, budget and gate."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from product_imagery import signals
from product_imagery.exceptions import ConfigurationError
from product_imagery.flows.jobs.rollup import begin
from product_imagery.models import LimitUse, ProviderCredential, ProviderJob
from product_imagery.models.job import ABSENT, LOOKS
from product_imagery.provider_kit.contract import Counted, Limit
from product_imagery.states import JobState

_READS = (JobState.RUNNING, JobState.CHECKING)
_ACTIVE = (JobState.SENDING, *_READS)


def accounts_with_calls(providers: Iterable[str]) -> list[int]:
    """Keys of the accounts at which a call is due."""
    waiting = ProviderJob.objects.filter(
        credential=OuterRef("pk"), state__in=(JobState.QUEUED, *_READS), due_at__lte=Now()
    )
    usable = ProviderCredential.objects.readable().filter(Exists(waiting), provider__in=list(providers))
    return list(usable.order_by("pk").values_list("pk", flat=True))


def set_aside(account: int, reason: str) -> None:
    """Pause an account whose calls cannot be chosen again and again, until a person has seen to it."""
    sentence = f"Nothing is sent with this account: {reason} Correct it, then resume the account."
    credential = ProviderCredential.objects.get(pk=account)
    if credential.pause(sentence, stops_reads=True):
        signals.send_on_commit(signals.credential_paused, credential=credential)


def acquire_calls(account: int, most: int, seconds: float) -> list[ProviderJob]:
    """Take up to ``most`` jobs whose next call is due and fits the limits of their account; count the calls."""
    if most <= 0:
        return []
    with transaction.atomic():
        credential = ProviderCredential.objects.locked(account)
        if credential is None:
            return []
        limits = _limits(credential)
        room = _Room(limits, LimitUse.objects.room(credential, limits))
        reads = _reads(credential, room, most)
        creates = _creates(credential, room, most - len(reads))
        taken = ProviderJob.objects.acquire_calls(_mixed(reads, creates), seconds)
        LimitUse.objects.note_each(credential, limits, [(job, _amounts(job)) for job in taken])
        begin(job for job in taken if job.state == JobState.SENDING)
    return taken


def _limits(credential: ProviderCredential) -> tuple[Limit, ...]:
    """The limits in force. Raises ``ConfigurationError``."""
    try:
        return credential.limits()
    except (AttributeError, TypeError, ValueError) as error:
        sentence = "Its “limits of its own” cannot be read."
        raise ConfigurationError(sentence, code="limits_unreadable", detail=repr(error)) from error


class _Room:
    """What is left of an account's limits. A job larger than a whole limit fits when nothing of it is used."""

    def __init__(self, limits: Iterable[Limit], left: dict[Counted, int]) -> None:
        self._left = left
        self._whole = {limit.counted: limit.most for limit in sorted(limits, key=lambda limit: -limit.most)}

    def of(self, counted: Counted, unlimited: int) -> int:
        """How many more fit."""
        return self._left.get(counted, unlimited)

    def take(self, job: ProviderJob) -> bool:
        """Take what the job's next call uses, all or none."""
        amounts = {
            counted: min(amount, self._whole[counted])
            for counted, amount in _amounts(job).items()
            if counted in self._whole
        }
        if any(self._left[counted] < amount for counted, amount in amounts.items()):
            return False
        for counted, amount in amounts.items():
            self._left[counted] -= amount
        return True


def _mixed(reads: list[ProviderJob], creates: list[ProviderJob]) -> list[ProviderJob]:
    """By turns: what reads bring waits for an imaging process, creates wait for their intents to be written down."""
    pairs = itertools.zip_longest(reads, creates)
    return [job for pair in pairs for job in pair if job is not None]


def _reads(credential: ProviderCredential, room: _Room, most: int) -> list[ProviderJob]:
    due = credential.jobs.due_calls().filter(state__in=_READS)
    return [job for job in due[:most] if room.take(job)]


def _creates(credential: ProviderCredential, room: _Room, most: int) -> list[ProviderJob]:
    most = min(_most_creates(credential, most), room.of(Counted.CREATES, most))
    if most <= 0:
        return []
    wanted = credential.jobs.due_calls().filter(state=JobState.QUEUED, enhancement__cancelled_at=None)
    chosen = []
    for job in wanted[:most]:
        if not room.take(job):
            break  # the next one would overtake it for ever
        chosen.append(job)
    return chosen


def _most_creates(credential: ProviderCredential, most: int) -> int:
    """How many of ``most`` may be sent, by what is under way; after failed calls one at a time, until one goes well."""
    if not credential.may_buy or not ProviderCredential.objects.may_create(credential.pk):
        return 0
    # What a look has not found there takes no place there, though it is looked for once more.
    under_way = credential.jobs.filter(state__in=_ACTIVE).exclude(
        state=JobState.CHECKING, remembered__has_any_keys=(ABSENT, LOOKS)
    )
    if credential.consecutive_failures or credential.lost_creates:
        most = min(most, 1 - under_way.filter(state=JobState.SENDING).count())
    limit = credential.active_limit()
    return min(most, limit - under_way.count()) if limit else most


def _amounts(job: ProviderJob) -> dict[Counted, int]:
    """What the next call of a job uses up of its account's limits."""
    if job.state in _READS:
        return {Counted.REQUESTS: 1, Counted.READS: 1}
    return {Counted.REQUESTS: 1, Counted.CREATES: 1, Counted.IMAGES: len(job.items.all())}
