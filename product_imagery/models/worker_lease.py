"""Seats of workers: so many worker loops run at once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from product_imagery.models.clock import from_now
from product_imagery.models.leases import Lease, LeaseQuerySet

_LONGEST = 60.0  #: seconds that a seat may be leased ahead where the setting is shorter: other workers may have another


class WorkerLeaseQuerySet(LeaseQuerySet["WorkerLease"]):
    """A fixed number of seats: a worker loop too many ends after one update."""

    def acquire_seat(self, *, seats: int, seconds: float, holder: str) -> WorkerLease | None:
        """Lease a free seat for ``seconds``, or return ``None`` when all are held by living workers."""
        longest = max(2 * seconds, _LONGEST) + 1
        for number in range(seats):
            seat = self.filter(number=number)
            token = seat.acquire(seconds, longest, holder=holder)
            if token:
                return self.get(number=number, lease_token=token)
            if not seat.exists():
                self.bulk_create([WorkerLease(number=number)], ignore_conflicts=True)
                return self.acquire_seat(seats=seats, seconds=seconds, holder=holder)
        return None

    def turn_to_clear_up(self, seconds: float) -> bool:
        """True for the one caller in so many seconds that is to clear up."""
        due = Q(cleared_at=None) | Q(cleared_at__lt=from_now(-seconds))
        return bool(self.filter(due, number=0).update(cleared_at=Now()))


class WorkerLease(Lease):
    """The seat of one worker loop. ``seen_at`` is the last sign of life of its holder."""

    number = models.PositiveSmallIntegerField(unique=True)
    seen_at = models.DateTimeField(null=True)
    cleared_at = models.DateTimeField(null=True)
    holder = models.CharField(max_length=120, blank=True)

    objects = WorkerLeaseQuerySet.as_manager()

    class Meta:
        constraints = Lease.Meta.constraints

    def __str__(self) -> str:
        return f"seat {self.number}"

    def renew(self, seconds: float) -> bool:
        """Keep the seat; ``False`` when it has been lost to another worker."""
        return bool(WorkerLease.objects.renew([self], seconds, seen_at=Now()))

    def release(self) -> None:
        """Free the seat at once."""
        WorkerLease.objects.held(self).release(seen_at=Now())
