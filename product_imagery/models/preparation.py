"""Preparations: accepted requests whose items a worker still has to create or requeue."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q, Sum
from django.db.models.functions import Greatest, Now

from product_imagery.models.constraints import not_negative
from product_imagery.models.enhancement import Enhancement


class PreparationQuerySet(models.QuerySet["Preparation"]):
    """Preparations by due time."""

    def due(self) -> PreparationQuerySet:
        """Filter due preparations, by due time."""
        return self.filter(due_at__lte=Now()).order_by("due_at", "pk").select_related("enhancement__credential")

    def promised(self, *since: datetime) -> dict[int, list[Decimal]]:
        """Return, by credential, the amounts that are reserved since each moment and have no ledger entries yet."""
        sums = {f"since_{at}": Sum("reserved", filter=Q(created_at__gte=moment)) for at, moment in enumerate(since)}
        rows = self.order_by().values_list("enhancement__credential").annotate(**sums)
        return {pk: [amount or Decimal(0) for amount in amounts] for pk, *amounts in rows}

    def advance(self, preparation: Preparation, *, position: int, left: int, cost: Decimal) -> bool:
        """Record the progress of one batch, in its transaction. Return false if another worker was faster."""
        unchanged = self.filter(pk=preparation.pk, position=preparation.position)
        reserved = Greatest(F("reserved") - cost, Decimal(0), output_field=models.DecimalField())
        return bool(unchanged.update(position=position, left=left, reserved=reserved, failures=0, due_at=Now()))


class Preparation(models.Model):
    """A frozen selection that becomes items in batches, or a retry that requeues jobs in batches.

    Deleted after the last batch. ``position``: index in ``pictures``, or primary key of the last requeued job, up to
    ``until``. ``reason``: error code of the items that are retried, if not all. ``left``: pictures without an item.
    ``reserved``: amount without ledger entries, which counts towards budgets.
    """

    class Kind(models.TextChoices):
        """Kind of preparation: of a new enhancement, or of a retry."""

        START = "start"
        RETRY = "retry"

    enhancement = models.OneToOneField(Enhancement, models.CASCADE, primary_key=True, related_name="preparation")
    kind = models.CharField(max_length=10, choices=Kind)
    pictures = models.JSONField(default=list)  # [content type, product, slot]
    external_ids = models.JSONField(default=dict)
    fresh = models.BooleanField(default=False)
    from_present = models.BooleanField(default=False)
    only_failed = models.BooleanField(default=False)
    reason = models.CharField(max_length=60, null=True)  # noqa: DJ001  an empty code is a reason, too
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

    def unprepared(self) -> list[list[Any]]:
        """Return the pictures that are not items yet; none of a retry, which makes no items."""
        left: list[list[Any]] = self.pictures[self.position :]
        return left

    def facts(self) -> dict[str, Any]:
        """Return the options of the selection as keyword arguments of ``make_plan``."""
        return {"fresh": self.fresh, "from_present": self.from_present}
