"""Calls at providers, as their limits count them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import models
from django.db.models import Sum
from django.db.models.functions import Now

from product_imagery.models.credential import ProviderCredential
from product_imagery.provider_kit.contract import Counted, Limit


class LimitUseQuerySet(models.QuerySet["LimitUse"]):
    """A sliding log: exact whatever window the provider has in mind. It is as short as the limit is."""

    def room(self, credential: ProviderCredential, limits: Iterable[Limit], counted: Counted) -> int | None:
        """How many more of ``counted`` fit now; ``None`` without a limit. The caller holds the credential's lock."""
        rooms = [
            limit.most - (self._within(credential, limit).aggregate(used=Sum("amount"))["used"] or 0)
            for limit in limits
            if limit.counted is counted
        ]
        return min(rooms) if rooms else None

    def wait(self, credential: ProviderCredential, limits: Iterable[Limit], counted: Counted) -> float:
        """Seconds before it is worth looking for room again: a sixtieth of the longest window."""
        return max((limit.seconds for limit in limits if limit.counted is counted), default=0) / 60

    def note(self, credential: ProviderCredential, limits: Iterable[Limit], amounts: dict[Counted, int]) -> None:
        """Write down calls that are about to be made, if a limit counts them."""
        watched = {limit.counted for limit in limits}
        rows = [
            LimitUse(credential=credential, counted=counted, amount=amount)
            for counted, amount in amounts.items()
            if counted in watched and amount
        ]
        self.bulk_create(rows)

    def forget(self) -> None:
        """Delete what no window reaches any more."""
        self.filter(at__lt=Now() - timedelta(days=2)).delete()

    def _within(self, credential: ProviderCredential, limit: Limit) -> LimitUseQuerySet:
        window = Now() - timedelta(seconds=limit.seconds)
        return self.filter(credential=credential, counted=limit.counted, at__gt=window)


class LimitUse(models.Model):
    """``amount`` calls, or pictures, at one moment of the database's clock."""

    credential = models.ForeignKey(ProviderCredential, models.CASCADE, related_name="uses")
    counted = models.CharField(max_length=12)
    amount = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())

    objects = LimitUseQuerySet.as_manager()

    class Meta:
        indexes = (models.Index(fields=["credential", "counted", "at"]),)

    def __str__(self) -> str:
        return f"{self.amount} {self.counted}"
