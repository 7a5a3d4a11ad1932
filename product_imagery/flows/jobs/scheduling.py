"""Scheduling: choose the calls of hosted providers that may be made now, and lease their jobs.

A *read* is a poll, or the look-up of a create whose response was lost. Both kinds of call count towards the limits of
the account; only creates need an account that may buy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils.translation import gettext

from product_imagery import signals
from product_imagery.exceptions import ConfigurationError
from product_imagery.flows.jobs.rollup import begin
from product_imagery.models import LimitUse, ProviderCredential, ProviderJob
from product_imagery.models.job import ABSENT, LOOKS
from product_imagery.provider_kit.contract import Counted, Limit
from product_imagery.states import JobState

_READS = (JobState.RUNNING, JobState.CHECKING)
_ACTIVE = (JobState.SENDING, *_READS)


def credentials_with_calls(providers: Iterable[str]) -> list[int]:
    """Return the primary keys of the accounts at which a call is due."""
    waiting = ProviderJob.objects.filter(
        credential=OuterRef("pk"), state__in=(JobState.QUEUED, *_READS), due_at__lte=Now()
    )
    usable = ProviderCredential.objects.readable().filter(Exists(waiting), provider__in=list(providers))
    return list(usable.order_by("pk").values_list("pk", flat=True))


def set_aside(credential_id: int, reason: str) -> None:
    """Pause an account for which choosing calls fails again and again, until a person resumes it."""
    sentence = gettext("Nothing is sent with this account: %(reason)s Correct it, then resume the account.") % {
        "reason": reason
    }
    credential = ProviderCredential.objects.get(pk=credential_id)
    if credential.pause(sentence, stops_reads=True):
        signals.send_on_commit(signals.credential_paused, credential=credential)


def acquire_calls(credential_id: int, most: int, seconds: float) -> list[ProviderJob]:
    """Lease up to ``most`` jobs of an account for ``seconds``, whose next calls are due and fit its limits.

    The calls are counted here, under the lock of the account. Raises ``ConfigurationError`` for unreadable limits.
    """
    if most <= 0:
        return []
    with transaction.atomic():
        credential = ProviderCredential.objects.locked(credential_id)
        if credential is None:
            return []
        limits = _limits(credential)
        room = _Room(limits, LimitUse.objects.room(credential, limits))
        reads = _reads(credential, room, most)
        creates = _creates(credential, room, most - len(reads))
        leased = ProviderJob.objects.acquire_calls(_mixed(reads, creates), seconds)
        LimitUse.objects.note_each(credential, limits, [(job, _amounts(job)) for job in leased])
        begin(job for job in leased if job.state == JobState.SENDING)
    return leased


def _limits(credential: ProviderCredential) -> tuple[Limit, ...]:
    """Return the limits in force. Raises ``ConfigurationError``."""
    try:
        return credential.limits()
    except (AttributeError, TypeError, ValueError) as error:
        sentence = gettext("Its “limits of its own” cannot be read.")
        raise ConfigurationError(sentence, code="limits_unreadable", detail=repr(error)) from error


class _Room:
    """Remaining calls and pictures within an account's limits.

    A job that is larger than a whole limit fits when nothing of that limit is used.
    """

    def __init__(self, limits: Iterable[Limit], left: dict[Counted, int]) -> None:
        self._left = left
        self._whole = {limit.counted: limit.most for limit in sorted(limits, key=lambda limit: -limit.most)}

    def of(self, counted: Counted, unlimited: int) -> int:
        """Return how many more fit; ``unlimited`` where there is no limit."""
        return self._left.get(counted, unlimited)

    def take(self, job: ProviderJob) -> bool:
        """Subtract what the job's next call uses and return true; if it does not fit, only return false."""
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
    """Merge by turns: reads wait for an imaging process, creates for their intents to be committed."""
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
            break  # a smaller one behind it would overtake it again and again
        chosen.append(job)
    return chosen


def _most_creates(credential: ProviderCredential, most: int) -> int:
    """Return how many creates may be sent, ``most`` at most: one at a time after failed calls, until one succeeds."""
    if not (credential.may_buy and credential.may_create()):
        return 0
    # A create that one look-up has not found takes no place at the provider, though it is looked up once more.
    under_way = credential.jobs.filter(state__in=_ACTIVE).exclude(
        state=JobState.CHECKING, remembered__has_any_keys=(ABSENT, LOOKS)
    )
    if credential.consecutive_failures or credential.lost_creates:
        most = min(most, 1 - under_way.filter(state=JobState.SENDING).count())
    limit = credential.active_limit()
    return min(most, limit - under_way.count()) if limit else most


def _amounts(job: ProviderJob) -> dict[Counted, int]:
    """Return what the next call of a job uses of its account's limits."""
    if job.state in _READS:
        return {Counted.REQUESTS: 1, Counted.READS: 1}
    return {Counted.REQUESTS: 1, Counted.CREATES: 1, Counted.IMAGES: len(job.items.all())}
