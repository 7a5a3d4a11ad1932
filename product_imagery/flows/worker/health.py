"""Health by progress: due work that does not move, read from its rows and not from signs of life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from product_imagery.conf import get_settings
from product_imagery.models import (
    EventDelivery,
    ImageVersion,
    LimitUse,
    Preparation,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    WebhookDelivery,
    WorkerLease,
)
from product_imagery.models.db_time import from_now
from product_imagery.states import HELD_JOBS, JobState, Publication

_SILENCE_SECONDS = 45  #: less than a minute, since checks come at intervals
_SOON = 120.0  #: seconds within which work that was just tried is due again
_AHEAD = 10.0  #: seconds by which a sign of life may be ahead of the database's clock


@dataclass(frozen=True)
class Stuck:
    """Work of one kind that is due and does not move: how much, and for how many seconds the oldest has waited."""

    kind: str
    number: int
    seconds: float


def has_work() -> bool:
    """Say whether anything is unfinished, due or not."""
    waiting = ResultImage.objects.filter(publication=Publication.WAITING)
    there = (ProviderJob.objects.movable(), waiting, EventDelivery.objects.fresh(), Preparation.objects.all())
    return any(rows.exists() for rows in there)


def stuck_work(seconds: float = _SILENCE_SECONDS) -> Iterator[Stuck]:
    """Yield kinds of work that have been due for ``seconds`` while nothing of the kind has changed.

    A long queue that moves is not stuck, nor is work that waits for a limit, a pause or a person.
    """
    alone = not workers(seconds).exists()
    yield from _stuck_jobs(seconds, alone=alone)
    for kind, rows, column, moves in _other_kinds(seconds):
        found = rows.filter(**{f"{column}__lt": from_now(-seconds)}).aggregate(number=Count("pk"), oldest=Min(column))
        if found["number"] and (alone or not moves.exists()):
            yield Stuck(kind, found["number"], _age(found["oldest"]))


def workers(seconds: float = _SILENCE_SECONDS) -> QuerySet[WorkerLease]:
    """Return slots whose workers were seen within ``seconds``."""
    return WorkerLease.objects.filter(seen_at__gte=from_now(-seconds), seen_at__lte=from_now(_AHEAD))


def _stuck_jobs(seconds: float, *, alone: bool) -> Iterator[Stuck]:
    since = from_now(-seconds)
    counted = _overdue_jobs(seconds).values("credential").annotate(number=Count("pk"), oldest=Min("due_at"))
    waiting = {one["credential"]: one for one in counted.order_by("credential")}
    # a cooldown is reported with its reason
    credentials = ProviderCredential.objects.not_cooling_down().filter(pk__in=waiting)
    moving = set() if alone else _moving_credentials(waiting, since)
    for credential in credentials.order_by("pk"):
        if credential.pk not in moving and not waits_for_limit(credential):
            one = waiting[credential.pk]
            yield Stuck(f"jobs of “{credential}”", one["number"], _age(one["oldest"]))


def _overdue_jobs(seconds: float) -> QuerySet[ProviderJob]:
    """Return jobs that no worker has leased although they are due, and jobs whose leases have expired."""
    since = from_now(-seconds)
    due = ProviderJob.objects.movable().exclude(state=JobState.SENDING).free().filter(due_at__lt=since)
    due = due.exclude(state=JobState.QUEUED, enhancement__cancelled_at__isnull=False)
    return due | ProviderJob.objects.filter(state=JobState.SENDING, leased_until__lt=since)


def _moving_credentials(credentials: Any, since: Any) -> set[int]:
    """Return those of the accounts that had a job begun, ended, polled or leased since then."""
    lease_seconds = get_settings().claim_seconds  # renewed after each quarter of it
    fresh = from_now(lease_seconds - max(_SILENCE_SECONDS, lease_seconds / 4 + _AHEAD))
    held = Q(state__in=HELD_JOBS, leased_until__gte=fresh)
    read = Q(state__in=(JobState.RUNNING, JobState.CHECKING), due_at__gte=since, due_at__lte=from_now(_SOON))
    moved = Q(sent_at__gte=since) | Q(accepted_at__gte=since) | Q(finished_at__gte=since)
    jobs = ProviderJob.objects.filter(held | read | moved, credential__in=list(credentials))
    return set(jobs.values_list("credential", flat=True))


def waits_for_limit(credential: ProviderCredential) -> bool:
    """Return true if one of the account's limits is reached now."""
    try:
        limits = credential.limits()
    except (AttributeError, TypeError, ValueError):
        return False
    return any(left <= 0 for left in LimitUse.objects.room(credential, limits).values())


def _other_kinds(seconds: float) -> Iterator[tuple[str, QuerySet[Any], str, QuerySet[Any]]]:
    """Yield each other kind of work: its name, due rows, the column of their date, and rows that prove progress."""
    since = from_now(-seconds)
    publications = ResultImage.objects.to_publish_now()
    published = ImageVersion.objects.filter(published_at__gte=since)
    yield "publications", publications.free(), "reviewed_at", published
    refused = publications.exclude(publication_note="")
    yield "publications that fail", refused, "reviewed_at", ResultImage.objects.none()
    events = EventDelivery.objects.sendable()
    tried = Q(delivered_at__gte=since) | Q(leased_until__gte=Now())
    yield "events", events.free(), "due_at", EventDelivery.objects.filter(tried)
    calls = WebhookDelivery.objects.unprocessed().filter(received_at__lt=from_now(-2 * seconds))
    yield "calls of providers", calls, "received_at", WebhookDelivery.objects.filter(processed_at__gte=since)
    preparing = Preparation.objects.filter(due_at__lte=Now())
    yield "selections to be prepared", preparing, "due_at", Preparation.objects.filter(due_at__gte=since)


def _age(moment: datetime | None) -> float:
    return max(0.0, (timezone.now() - moment).total_seconds()) if moment else 0.0


def dated_ahead() -> WorkerLease | None:
    """Return a slot whose worker was seen in the future, if any: a clock was wrong."""
    return WorkerLease.objects.filter(seen_at__gt=from_now(_AHEAD)).first()


def last_sign_of_life() -> WorkerLease | None:
    """Return the slot that was seen last, if any worker ever ran."""
    return WorkerLease.objects.exclude(seen_at=None).order_by("-seen_at").first()


def overdue_work(seconds: float = _SILENCE_SECONDS) -> int:
    """Return how much work is due or has an expired lease while no worker was seen for ``seconds``.

    Zero while a worker is alive, however long its queue is.
    """
    if workers(seconds).exists():
        return 0
    waiting = ResultImage.objects.to_publish_now().filter(reviewed_at__lt=from_now(-seconds))
    return _overdue_jobs(seconds).count() + waiting.count()


def wrong_clocks(seconds: float = 60) -> list[ProviderCredential]:
    """Return accounts whose provider's clock differs from ours by more than ``seconds``: signatures may fail."""
    by_credential = ProviderCredential.objects.filter(is_active=True)
    return list(by_credential.filter(Q(clock_skew__gt=seconds) | Q(clock_skew__lt=-seconds)))


def worker_is_missing() -> bool:
    """Say whether work is due and no worker was seen for ten seconds. The admin shows a warning then."""
    return overdue_work(10) > 0
