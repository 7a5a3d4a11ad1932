"""Log of requests with API keys, for their rate limits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Min, Sum
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from product_imagery.models.api_key import ApiKey

RATE_SECONDS = 60  #: length of the window of a rate limit


@dataclass(frozen=True)
class Allowance:
    """State of a key's rate limit after a request, and whether that request was allowed."""

    allowed: bool
    remaining: int
    resets_at: float  #: Unix time at which the limit allows more


class RateUseQuerySet(models.QuerySet["RateUse"]):
    """A sliding log, written under the lock of the key, so that it is exact for all processes together."""

    def record(self, key: ApiKey, weight: int, limit: int, *, unrecorded: int = 0) -> Allowance:
        """Record a request, which counts as ``weight`` requests but at most as ``limit``, if the limit allows it.

        ``unrecorded``: weight of requests that were allowed before and not recorded. It is recorded in any case.
        """
        weight = min(weight, limit)
        with transaction.atomic():
            ApiKey.objects.lock(key.pk)
            if unrecorded:
                self.create(key=key, weight=unrecorded)
            found = self._in_window(key).aggregate(used=Sum("weight"), oldest=Min("at"))
            remaining = limit - (found["used"] or 0)
            allowed = weight <= remaining
            if allowed:
                self.create(key=key, weight=weight)
            leaves_at = _unix(found["oldest"]) if allowed else self._leaves_at(key, weight - remaining)
        return Allowance(allowed, remaining - weight if allowed else max(0, remaining), leaves_at + RATE_SECONDS)

    def used(self, key: ApiKey) -> int:
        """Return the recorded weight of the last ``RATE_SECONDS``."""
        return int(self._in_window(key).aggregate(used=Sum("weight"))["used"] or 0)

    def _in_window(self, key: ApiKey) -> RateUseQuerySet:
        return self.filter(key=key, at__gt=Now() - timedelta(seconds=RATE_SECONDS))

    def _leaves_at(self, key: ApiKey, missing: int) -> float:
        """Return the time of the row with which at least ``missing`` weight leaves the window."""
        for at, weight in self._in_window(key).order_by("at").values_list("at", "weight"):
            missing -= weight
            if missing <= 0:
                return _unix(at)
        return time.time()


def _unix(at: datetime | None) -> float:
    """Return Unix time; the current one for ``None``."""
    return at.timestamp() if at else time.time()


class RateUse(models.Model):
    """One request with a key. ``weight``: number of requests that it counts as."""

    key = models.ForeignKey(ApiKey, models.CASCADE, related_name="uses")
    weight = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())

    objects = RateUseQuerySet.as_manager()

    class Meta:
        verbose_name = _("use of an API key")
        verbose_name_plural = _("uses of API keys")
        indexes = (models.Index(fields=["key", "at"]),)

    def __str__(self) -> str:
        return f"{self.weight} at {self.at}"
