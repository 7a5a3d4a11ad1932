"""Health: is there a worker, and does due work move?"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from product_imagery.models import ProviderJob, PumpSlot
from product_imagery.states import JobState

_SILENCE_SECONDS = 60


def last_sign_of_life() -> PumpSlot | None:
    """The slot that was seen last, if any worker ever ran."""
    return PumpSlot.objects.exclude(seen_at=None).order_by("-seen_at").first()


def overdue_jobs(seconds: float = _SILENCE_SECONDS) -> int:
    """How many jobs have been due, or held by a dead worker, for longer than ``seconds``."""
    since = timezone.now() - timedelta(seconds=seconds)
    waiting = ProviderJob.objects.due().filter(due_at__lt=since).count()
    return waiting + ProviderJob.objects.filter(state=JobState.SENDING, claimed_until__lt=since).count()


def worker_is_missing() -> bool:
    """True when work is due and no worker has been seen for ten seconds: what the admin warns of."""
    since = timezone.now() - timedelta(seconds=10)
    if PumpSlot.objects.filter(seen_at__gte=since).exists():
        return False
    return ProviderJob.objects.due().filter(due_at__lt=since).exists()
