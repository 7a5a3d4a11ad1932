"""Health: is there a worker, and does due work move?"""

from __future__ import annotations

from django.db.models import Q

from product_imagery.models import EventDelivery, ProviderCredential, ProviderJob, PumpSlot, ResultImage
from product_imagery.models.clock import from_now
from product_imagery.states import JobState, Publication

_SILENCE_SECONDS = 60


def last_sign_of_life() -> PumpSlot | None:
    """The slot that was seen last, if any worker ever ran."""
    return PumpSlot.objects.exclude(seen_at=None).order_by("-seen_at").first()


def overdue_work(seconds: float = _SILENCE_SECONDS) -> int:
    """How much work is due, or held by a dead worker, although no worker has shown itself for ``seconds``.

    A long queue that a living worker works through is not overdue.
    """
    since = from_now(-seconds)
    if PumpSlot.objects.filter(seen_at__gte=since).exists():
        return 0
    jobs = ProviderJob.objects.movable().exclude(state=JobState.SENDING).filter(due_at__lt=since).count()
    jobs += ProviderJob.objects.filter(state=JobState.SENDING, claimed_until__lt=since).count()
    return jobs + ResultImage.objects.filter(publication=Publication.WAITING, reviewed_at__lt=since).count()


def undelivered(seconds: float = 3600.0) -> int:
    """How many events have been due for so long without an attempt: a worker has too much to do, or none of it."""
    return EventDelivery.objects.fresh().filter(due_at__lt=from_now(-seconds)).count()


def wrong_clocks(seconds: float = _SILENCE_SECONDS) -> list[ProviderCredential]:
    """Accounts whose provider's clock differs from ours by more: one of the two is wrong, and signatures fail."""
    by_account = ProviderCredential.objects.filter(is_active=True)
    return list(by_account.filter(Q(clock_skew__gt=seconds) | Q(clock_skew__lt=-seconds)))


def worker_is_missing() -> bool:
    """True when work is due and no worker has been seen for ten seconds: what the admin warns of."""
    return overdue_work(10) > 0
