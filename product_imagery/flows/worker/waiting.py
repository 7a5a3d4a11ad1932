"""Reasons for waiting: why work does not move, or moves later, in sentences for the person who ordered it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from product_imagery.flows.money import budgets
from product_imagery.flows.worker.health import waits_for_limit, worker_is_missing
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    LimitUse,
    Preparation,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    WorkerTrouble,
)
from product_imagery.states import OPEN_ITEMS, UNFINISHED_JOBS, JobState, Publication

_TASKS = 3  #: failing tasks of workers that are named


class Code(enum.StrEnum):
    """Kind of a reason. A page offers a button by it."""

    NO_WORKER = "no_worker"
    PAUSED = "paused"
    SWITCHED_OFF = "switched_off"
    BUDGET = "budget"
    COOLDOWN = "cooldown"
    LOST = "lost"
    LIMIT = "limit"
    RETRY = "retry"
    PREPARING = "preparing"
    AT_PROVIDER = "at_provider"
    PUBLICATION = "publication"
    MACHINE = "machine"


STANDSTILL = (Code.NO_WORKER, Code.PAUSED, Code.SWITCHED_OFF)  #: until a person acts


@dataclass(frozen=True)
class Reason:
    """A reason for waiting.

    ``count``: pictures that wait for it, where that is known; ``until``: when it goes on by itself; ``credential``:
    primary key of the credential that it is about; ``advice``: for whoever runs the site.
    """

    code: Code
    sentence: str
    count: int = 0
    until: datetime | None = None
    credential: int | None = None
    advice: str = ""

    @property
    def stands_still(self) -> bool:
        """True if nothing goes on until a person acts."""
        return self.code in STANDSTILL


def reasons(enhancement: Enhancement | None = None, items: QuerySet[EnhancementItem] | None = None) -> list[Reason]:
    """Return why work waits, what stands still first: of one enhancement, or of all.

    ``items``: those of them that may be named in a sentence, if not all. The number of queries depends on the number of
    accounts only.
    """
    of = {"enhancement": enhancement} if enhancement else {}
    named = EnhancementItem.objects.filter(**of) if items is None else items
    found = [
        *_workers(),
        *_credentials(of),
        *_later(named),
        *_preparing(of),
        *_at_providers(of),
        *_publications(of, named),
    ]
    return found + list(_machines()) if found or not of else found


def standstill() -> list[Reason]:
    """Return the reasons for which work waits until a person acts. It takes four queries at most."""
    found = _counted({})
    credentials = ProviderCredential.objects.filter(Q(is_active=False) | Q(paused_at__isnull=False), pk__in=found)
    stopped = (
        [reason for credential in credentials if (reason := _stopped(credential, found[credential.pk]))]
        if found
        else []
    )
    return [*_workers(), *stopped]


def _workers() -> Iterator[Reason]:
    if worker_is_missing():
        yield Reason(
            Code.NO_WORKER,
            gettext("No worker is running, so nothing moves. Whoever runs this site has to start one."),
            advice=gettext("Start one with “manage.py imagery_worker” or “manage.py qcluster”."),
        )


def _counted(of: dict[str, Any]) -> dict[int, int]:
    """Return the numbers of open pictures by credential."""
    jobs = ProviderJob.objects.filter(state__in=UNFINISHED_JOBS, **of).order_by()
    open_ = Count("items", filter=Q(items__status__in=OPEN_ITEMS))
    return dict(jobs.values_list("credential").annotate(number=open_).values_list("credential", "number"))


def _credentials(of: dict[str, Any]) -> Iterator[Reason]:
    """Yield for each account with open pictures the first reason for which it sends nothing."""
    counted = _counted(of)
    credentials = list(ProviderCredential.objects.filter(pk__in=counted)) if counted else []
    left = budgets.left_of(credentials)
    for credential in credentials:
        count = counted[credential.pk]
        reason = _stopped(credential, count) or _cooling(credential, count)
        if reason:
            yield reason
        if sentence := _used_up(left[credential.pk]):
            yield Reason(Code.BUDGET, sentence % credential, credential=credential.pk)


def _stopped(credential: ProviderCredential, count: int) -> Reason | None:
    if credential.paused_at:
        text = gettext("The account “%(account)s” is paused: %(reason)s")
        sentence = text % {"account": credential, "reason": credential.paused_reason or gettext("no reason was given")}
        return Reason(Code.PAUSED, sentence, count, credential=credential.pk)
    if not credential.is_active:
        return Reason(
            Code.SWITCHED_OFF,
            gettext("The account “%s” is switched off.") % credential,
            count,
            credential=credential.pk,
        )
    return None


def _cooling(credential: ProviderCredential, count: int) -> Reason | None:
    now = timezone.now()
    if credential.cooldown_until and credential.cooldown_until > now:
        text = gettext("The provider of “%s” has trouble or asked for a break. It is tried again by itself.")
        return Reason(Code.COOLDOWN, text % credential, count, credential.cooldown_until, credential.pk)
    if credential.lost_creates and credential.creates_after and credential.creates_after > now:
        text = gettext("A response of the provider of “%s” was lost. Nothing is ordered before that is cleared up.")
        return Reason(Code.LOST, text % credential, count, credential.creates_after, credential.pk)
    if waits_for_limit(credential):
        until = LimitUse.objects.free_again(credential, credential.limits())
        text = gettext("The limit of “%s” is reached: as many calls as it allows were made. It goes on by itself.")
        return Reason(Code.LIMIT, text % credential, count, until, credential.pk)
    return None


def _used_up(left: budgets.Left) -> str:
    """Return a sentence about the budget that is used up, with a place for the account; empty if none is."""
    if left.month == 0:
        return gettext("The budget of “%s” for this month is used up: nothing more can be started or tried again.")
    if left.day == 0:
        return gettext("The budget of “%s” for today is used up: nothing more can be started or tried again today.")
    return ""


def _later(items: QuerySet[EnhancementItem]) -> Iterator[Reason]:
    """Yield the first error after which a picture is tried again."""
    due = {"job__due_at__gt": timezone.now(), "job__state__in": UNFINISHED_JOBS}
    waiting = items.filter(status__in=OPEN_ITEMS, **due).exclude(error_message="").exclude(error_code="own_limit")
    first = waiting.select_related("job").order_by("job__due_at").first()
    if first is None or first.job is None:
        return
    count = waiting.count()
    names = {"picture": first.label, "n": count - 1, "reason": first.error_message}
    if count > 1:
        sentence = gettext("Waiting for %(picture)s (and %(n)s more): %(reason)s") % names
    else:
        sentence = gettext("Waiting for %(picture)s: %(reason)s") % names
    yield Reason(Code.RETRY, sentence, count, first.job.due_at)


def _preparing(of: dict[str, Any]) -> Iterator[Reason]:
    found = Preparation.objects.filter(**of).aggregate(number=Count("pk"), left=Sum("left"))
    if found["left"]:
        text = ngettext(
            "Being prepared: %(n)s picture is still to be queued. You can close this page.",
            "Being prepared: %(n)s pictures are still to be queued. You can close this page.",
            found["left"],
        )
        yield Reason(Code.PREPARING, text % {"n": found["left"]}, found["left"])
    elif found["number"]:
        text = gettext("Being prepared: the pictures to try again are queued batch by batch. You can close this page.")
        yield Reason(Code.PREPARING, text)


def _at_providers(of: dict[str, Any]) -> Iterator[Reason]:
    running = ProviderJob.objects.filter(state__in=(JobState.RUNNING, JobState.CHECKING), **of)
    names = sorted(set(running.values_list("credential__label", flat=True)))
    if names:
        sentence = gettext("Waiting for pictures that are being made at: %s.") % ", ".join(names)
        yield Reason(Code.AT_PROVIDER, sentence)


def _publications(of: dict[str, Any], items: QuerySet[EnhancementItem]) -> Iterator[Reason]:
    """Yield the first reason for which a publication is tried again."""
    waiting = ResultImage.objects.filter(publication=Publication.WAITING, **of).exclude(publication_note="")
    first = waiting.filter(item__in=items).select_related("item").first()
    if first is not None:
        text = gettext("Waiting for the publication of %(picture)s: %(reason)s")
        yield Reason(
            Code.PUBLICATION, text % {"picture": first.item, "reason": first.publication_note}, waiting.count()
        )


def _machines() -> Iterator[Reason]:
    for one in WorkerTrouble.objects.current()[:_TASKS]:
        text = gettext("A worker has trouble, and tries again by itself: %s") % one.reason
        yield Reason(Code.MACHINE, text, advice=f"{one.task}, {one.machine}")
