"""Ledger of spending: reservations, settlements and releases."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce, Now, TruncDate
from django.utils.translation import gettext_lazy as _

from product_imagery.models.credential import ProviderCredential
from product_imagery.models.enhancement import Enhancement
from product_imagery.models.job import ProviderJob


class CreditEntryQuerySet(models.QuerySet["CreditEntry"]):
    """Sums of ledger entries."""

    def spent_on_work(self, *since: datetime) -> dict[int, list[Decimal]]:
        """Return, by credential, the cost (actual or reserved) of the work that was ordered since each moment.

        A correction belongs to the day of its order: releasing yesterday's reservation does not raise today's budget.
        """

        def ordered(moment: datetime) -> Q:
            return Q(job__in=self.filter(kind=CreditEntry.Kind.RESERVE, at__gte=moment).order_by().values("job"))

        sums = {f"since_{at}": Sum("amount", filter=ordered(moment)) for at, moment in enumerate(since)}
        rows = CreditEntry.objects.filter(ordered(min(since))).order_by().values_list("credential").annotate(**sums)
        return {pk: [amount or Decimal(0) for amount in amounts] for pk, *amounts in rows}

    def usage(self, first: date, last: date) -> Any:
        """Return usage by ``day``, ``provider`` and ``key`` (prefix of the API key), from ``first`` to ``last``.

        Rows have ``jobs``, ``total`` (actual or reserved) and ``spent`` (finished jobs only). A correction belongs to
        the day of its order, as in budgets.
        """
        day = TruncDate("job__created_at")
        ended = Q(job__finished_at__isnull=False)
        rows: Any = self.annotate(day=day).filter(day__gte=first, day__lte=last).order_by()
        rows = rows.values("day", provider=F("credential__provider"), key=F("enhancement__api_key__prefix"))
        sums = {"total": Sum("amount"), "spent": Coalesce(Sum("amount", filter=ended), Decimal(0))}
        return rows.annotate(jobs=Count("job", distinct=True), **sums).order_by("-day", "provider", "key")

    def booked(self, jobs: Iterable[ProviderJob]) -> dict[int, Decimal]:
        """Return the cost (actual or reserved) of these jobs by primary key; jobs without entries are missing."""
        sums = self.filter(job__in=list(jobs)).order_by().values_list("job").annotate(Sum("amount"))
        return dict(sums)


class CreditEntry(models.Model):
    """A ledger entry. The amounts of all entries of a job add up to its cost. Entries are never changed."""

    class Kind(models.TextChoices):
        """Kind of an entry: reservation, correction to the actual cost, or cancellation of the reservation."""

        RESERVE = "reserve", _("reserved")
        SETTLE = "settle", _("settled")
        RELEASE = "release", _("released")

    credential = models.ForeignKey(
        ProviderCredential, models.PROTECT, verbose_name=_("credential"), related_name="entries"
    )
    enhancement = models.ForeignKey(Enhancement, models.PROTECT, verbose_name=_("enhancement"), related_name="entries")
    job = models.ForeignKey(ProviderJob, models.PROTECT, verbose_name=_("provider job"), related_name="entries")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)
    at = models.DateTimeField(_("when"), db_default=Now())

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("credit entry")
        verbose_name_plural = _("credit entries")
        ordering = ("-pk",)
        indexes = (models.Index(fields=["credential", "at"]),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"
