"""Correction of dates that lie further ahead than any code sets them: a clock was wrong in the meantime.

It happens when a machine resumes or the database moves to another host. Work dated by such a clock would wait for as
long as the clock was ahead.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from product_imagery.models import (
    EventDelivery,
    LimitUse,
    Preparation,
    ProviderCredential,
    ProviderJob,
    RateUse,
    Upload,
    WebhookDelivery,
    WorkerLease,
    WorkerTrouble,
)
from product_imagery.models.db_time import from_now
from product_imagery.states import UNFINISHED_JOBS

_NOTED = 60.0  #: seconds that the date of a past event may lie ahead: web servers have clocks of their own
_JOB_WAIT = 7200.0
_COOLDOWN = 3700.0
_PREPARATION_WAIT = 300.0
_EVENT_WAIT = 110_000.0


def correct_dates() -> int:
    """Set dates that lie too far ahead to now; return how many rows had one."""
    return sum(_correct(rows, name, most) for rows, name, most in _bounds())


def _bounds() -> list[tuple[QuerySet[Any], str, float]]:
    """Return rows, their column, and how many seconds it may lie ahead. (``models.leases`` bounds leases.)"""
    jobs = ProviderJob.objects.filter(state__in=UNFINISHED_JOBS)
    events = EventDelivery.objects.filter(state=EventDelivery.State.WAITING)
    return [
        (jobs, "due_at", _JOB_WAIT),
        (jobs, "sent_at", _NOTED),
        (jobs, "intent_at", _NOTED),
        (jobs, "accepted_at", _NOTED),
        (Preparation.objects.all(), "due_at", _PREPARATION_WAIT),
        (Preparation.objects.all(), "created_at", _NOTED),
        (events, "due_at", _EVENT_WAIT),
        (ProviderCredential.objects.all(), "cooldown_until", _COOLDOWN),
        (ProviderCredential.objects.all(), "moved_at", _NOTED),
        (WorkerLease.objects.all(), "cleared_at", _NOTED),
        (WorkerLease.objects.all(), "seen_at", _NOTED),
        (LimitUse.objects.all(), "at", _NOTED),
        (RateUse.objects.all(), "at", _NOTED),
        (Upload.objects.filter(kept=False), "created_at", _NOTED),
        (WebhookDelivery.objects.filter(processed_at=None), "received_at", _NOTED),
        (WorkerTrouble.objects.all(), "last_at", _NOTED),
    ]


def _correct(rows: QuerySet[Any], name: str, most: float) -> int:
    ahead = rows.filter(**{f"{name}__gt": from_now(most)})
    return ahead.update(**{name: Now()}) if ahead.exists() else 0  # an idle worker takes no write lock
