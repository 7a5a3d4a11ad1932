"""Which pump runs."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from product_imagery.models.clock import from_now

_LONGEST = 60.0  #: seconds that a slot may be dated ahead where the setting is shorter: other workers may have another


class SlotQuerySet(models.QuerySet["PumpSlot"]):
    """A fixed number of slots: duplicate pumps end after one update."""

    def take(self, *, slots: int, seconds: float, holder: str) -> PumpSlot | None:
        """Take a free slot for ``seconds``, or return ``None`` when all are held by living pumps.

        One that is dated further ahead than it could have been is free: a clock was wrong.
        """
        token = uuid.uuid4()
        for number in range(slots):
            free = Q(until=None) | Q(until__lt=Now()) | Q(until__gt=from_now(max(2 * seconds, _LONGEST) + 1))
            if self.filter(free, number=number).update(token=token, until=from_now(seconds), holder=holder):
                return self.get(number=number, token=token)
            if not self.filter(number=number).exists():
                self.bulk_create([PumpSlot(number=number)], ignore_conflicts=True)
                return self.take(slots=slots, seconds=seconds, holder=holder)
        return None

    def turn_to_clear_up(self, seconds: float) -> bool:
        """True for the one caller in so many seconds that is to clear up."""
        due = Q(cleared_at=None) | Q(cleared_at__lt=from_now(-seconds))
        return bool(self.filter(due, number=0).update(cleared_at=Now()))


class PumpSlot(models.Model):
    """One allowed pump. ``until`` in the past or empty means that it is free; ``seen_at`` is its last sign of life."""

    number = models.PositiveSmallIntegerField(unique=True)
    token = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    cleared_at = models.DateTimeField(null=True)
    holder = models.CharField(max_length=120, blank=True)

    objects = SlotQuerySet.as_manager()

    def __str__(self) -> str:
        return f"slot {self.number}"

    def renew(self, seconds: float) -> bool:
        """Keep the slot; ``False`` when it has been lost to another pump."""
        held = PumpSlot.objects.filter(pk=self.pk, token=self.token)
        return bool(held.update(until=from_now(seconds), seen_at=Now()))

    def release(self) -> None:
        """Give the slot back at once."""
        PumpSlot.objects.filter(pk=self.pk, token=self.token).update(token=None, until=None, seen_at=Now())
