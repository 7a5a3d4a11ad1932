"""Accepted requests whose items a worker still has to create."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest, Now

from product_imagery.models.constraints import not_negative
from product_imagery.models.enhancement import Enhancement


class PreparationQuerySet(models.QuerySet["Preparation"]):
    """Preparations by due time."""

    def due(self) -> PreparationQuerySet:
        """Filter due preparations, in the order of their due time."""
        return self.filter(due_at__lte=Now()).order_by("due_at", "pk").select_related("enhancement__credential")

    def promised(self) -> Decimal:
        """Return the sum that is reserved and not yet booked on jobs."""
        return self.aggregate(total=models.Sum("reserved"))["total"] or Decimal(0)

    def advance(self, one: Preparation, *, position: int, left: int, cost: Decimal) -> bool:
        """Advance by one batch, in its transaction. Return false if another worker has done it."""
        here = self.filter(pk=one.pk, position=one.position)
        reserved = Greatest(F("reserved") - cost, Decimal(0), output_field=models.DecimalField())
        return bool(here.update(position=position, left=left, reserved=reserved, failures=0, due_at=Now()))


class Preparation(models.Model):
    """A frozen selection that becomes items in batches, or a request to retry. Deleted when all items are made.

    ``position`` is the progress: an index in ``pictures``, or the last retried job, up to ``until``. ``left`` is the
    number of pictures without an item. ``reserved`` is not yet booked on jobs, and counts towards budgets.
    """

    class Kind(models.TextChoices):
        """Kind of preparation: a new enhancement, or a retry."""

        START = "start"
        RETRY = "retry"

    enhancement = models.OneToOneField(Enhancement, models.CASCADE, primary_key=True, related_name="preparation")
    kind = models.CharField(max_length=10, choices=Kind)
    pictures = models.JSONField(default=list)  # [content type, product, slot]
    external_ids = models.JSONField(default=dict)
    fresh = models.BooleanField(default=False)
    from_present = models.BooleanField(default=False)
    only_failed = models.BooleanField(default=False)
    position = models.PositiveBigIntegerField(default=0)
    until = models.PositiveBigIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    cost_each = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))
    reserved = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    failures = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now(), db_index=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = PreparationQuerySet.as_manager()

    class Meta:
        constraints = not_negative("preparation", "reserved", "cost_each")

    def __str__(self) -> str:
        return f"{self.enhancement} {self.position}"

    def facts(self) -> dict[str, Any]:
        """Return the choice of pictures as keyword arguments of ``make_plan``."""
        return {"fresh": self.fresh, "from_present": self.from_present}
