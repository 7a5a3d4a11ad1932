"""Seats of worker loops: leases that limit how many loops run at the same time."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from product_imagery.models.db_time import from_now
from product_imagery.models.leases import Lease, LeaseQuerySet

_LONGEST = 60.0  #: seconds of a plausible lease, because other workers may have another setting


class WorkerLeaseQuerySet(LeaseQuerySet["WorkerLease"]):
    """A fixed number of seats. A worker loop that gets none ends."""

    def acquire_seat(self, *, seats: int, seconds: float, holder: str) -> WorkerLease | None:
        """Lease a free seat for ``seconds``; return ``None`` if all seats are held."""
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

    def acquire_maintenance(self, seconds: float) -> bool:
        """Return true to one caller in every ``seconds``, which then does the maintenance."""
        due = Q(cleared_at=None) | Q(cleared_at__lt=from_now(-seconds))
        return bool(self.filter(due, number=0).update(cleared_at=Now()))


class WorkerLease(Lease):
    """Seat of one worker loop. ``seen_at``: last renewal by its holder."""

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
        """Renew the lease; return false if another worker has acquired the seat."""
        return bool(WorkerLease.objects.renew([self], seconds, seen_at=Now()))

    def release(self) -> None:
        """Free the seat at once."""
        WorkerLease.objects.held(self).release(seen_at=Now())
