"""Log of calls of providers, for their rate limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from django.db import models
from django.db.models import Min, Q, Sum
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from product_imagery.models.credential import ProviderCredential
from product_imagery.provider_kit.contract import Counted, Limit
from product_imagery.provider_kit.registry import all_providers

if TYPE_CHECKING:
    from product_imagery.models.job import ProviderJob


class LimitUseQuerySet(models.QuerySet["LimitUse"]):
    """A sliding log: exact, wherever the provider's window begins. It has at most as many rows as calls are allowed."""

    def room(self, credential: ProviderCredential, limits: Iterable[Limit]) -> dict[Counted, int]:
        """Return the remaining amount of each limited quantity. The caller has locked the credential."""
        windows = {f"limit_{number}": limit for number, limit in enumerate(limits)}
        within = {
            name: Sum("amount", filter=Q(counted=limit.counted, at__gt=Now() - timedelta(seconds=_window(limit))))
            for name, limit in windows.items()
        }
        longest = Now() - timedelta(seconds=max(map(_window, windows.values()), default=0))
        used = self.filter(credential=credential, at__gt=longest).aggregate(**within) if windows else {}
        room: dict[Counted, int] = {}
        for name, limit in windows.items():
            left = limit.most - (used[name] or 0)
            room[limit.counted] = min(left, room.get(limit.counted, left))
        return room

    def free_again(self, credential: ProviderCredential, limits: Iterable[Limit]) -> datetime | None:
        """Return when there is room again in every reached limit, by the oldest use in its window; else ``None``."""
        limits = tuple(limits)
        room = self.room(credential, limits)
        ends = []
        for limit in limits:
            if room[limit.counted] <= 0:
                window = timedelta(seconds=_window(limit))
                used = self.filter(credential=credential, counted=limit.counted, at__gt=Now() - window)
                oldest = used.aggregate(oldest=Min("at"))["oldest"]
                ends += [oldest + window] if oldest else []
        return max(ends, default=None)

    def wait(self, credential: ProviderCredential, limits: Iterable[Limit], counted: Counted) -> float:
        """Return the seconds after which to call ``room`` again: a sixtieth of the longest window."""
        return max((limit.seconds for limit in limits if limit.counted is counted), default=0) / 60

    def note_each(
        self, credential: ProviderCredential, limits: Iterable[Limit], calls: Iterable[tuple[ProviderJob, Amounts]]
    ) -> None:
        """Record calls of jobs that are about to be made; ``job.uses`` gets the primary keys, for ``sent_now``."""
        watched = {limit.counted for limit in limits}
        made = [
            (job, LimitUse(credential=credential, counted=counted, amount=amount))
            for job, amounts in calls
            for counted, amount in amounts.items()
            if counted in watched and amount
        ]
        self.bulk_create([use for _, use in made])
        for job, use in made:
            job.uses = (*job.uses, use.pk)

    def sent_now(self, jobs: Iterable[ProviderJob]) -> None:
        """Set the time of the recorded calls of these jobs to now.

        They were recorded when the jobs were acquired. Moving them counts no call twice.
        """
        uses = [pk for job in jobs for pk in job.uses]
        if uses:
            self.filter(pk__in=uses).update(at=Now())

    def not_sent(self, job: ProviderJob) -> None:
        """Delete the records of a job whose call was not made."""
        if job.uses:
            self.filter(pk__in=job.uses).delete()

    def note(self, credential: ProviderCredential, limits: Iterable[Limit], amounts: dict[Counted, int]) -> None:
        """Record amounts that are about to be used, if a limit counts them."""
        watched = {limit.counted for limit in limits}
        rows = [
            LimitUse(credential=credential, counted=counted, amount=amount)
            for counted, amount in amounts.items()
            if counted in watched and amount
        ]
        self.bulk_create(rows)

    def delete_expired(self) -> None:
        """Delete records that are older than the longest window of their credential."""
        for credential in ProviderCredential.objects.filter(provider__in=list(all_providers())).iterator():
            try:
                limits = credential.limits()
            except (AttributeError, TypeError, ValueError):  # the worker reports malformed limits
                continue
            longest = max(map(_window, limits), default=0.0)
            self.filter(credential=credential, at__lt=Now() - timedelta(seconds=longest)).delete()


Amounts: TypeAlias = Mapping[Counted, int]


def _window(limit: Limit) -> float:
    """Return the seconds of the window, plus up to 2 s for the time that a call takes to arrive."""
    return limit.seconds + min(2.0, 0.04 * limit.seconds)


class LimitUse(models.Model):
    """An amount of calls or pictures that was used at one time, by the database's clock."""

    credential = models.ForeignKey(
        ProviderCredential, models.CASCADE, verbose_name=_("credential"), related_name="uses"
    )
    counted = models.CharField(max_length=12)
    amount = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())

    objects = LimitUseQuerySet.as_manager()

    class Meta:
        verbose_name = _("use of a limit")
        verbose_name_plural = _("uses of limits")
        indexes = (models.Index(fields=["credential", "counted", "at"]),)

    def __str__(self) -> str:
        return f"{self.amount} {self.counted}"
