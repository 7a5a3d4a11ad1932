"""Availability of a credential: pauses by a person or a refusal, cooldowns after failures, waits after lost creates."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self, TypeVar

from django.db import models
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils.translation import gettext_lazy as _

from product_imagery.models.db_time import from_now
from product_imagery.provider_kit.retry import backoff

_C = TypeVar("_C", bound="CredentialAvailability")


def _out_of_cooldown() -> models.Q:
    return models.Q(cooldown_until=None) | models.Q(cooldown_until__lte=Now())


class AvailabilityQuerySet(models.QuerySet[_C]):
    """Credentials by what may be done with them now."""

    def not_cooling_down(self) -> Self:
        """Filter credentials that are not in a cooldown."""
        return self.filter(_out_of_cooldown())

    def readable(self) -> Self:
        """Filter credentials with which jobs may be polled now. A pause alone does not stop polls of paid jobs."""
        return self.not_cooling_down().filter(stops_reads=False)

    def allowed_to_buy(self, pks: Collection[int]) -> set[int]:
        """Return the primary keys among ``pks`` of credentials with which new work may be sent."""
        return set(self.filter(pk__in=pks, is_active=True, paused_at=None).values_list("pk", flat=True))


class CredentialAvailability(models.Model):
    """Columns that say whether a credential may be used now.

    - ``is_active``: true if a person wants it to be used; ``paused_at``: since when it is paused after a refusal.
    - ``consecutive_failures``: while it is not 0, as for a new credential, creates are sent one at a time.
    - ``cooldown_until``: end of the cooldown after a failure.
    - ``lost_creates``: consecutive creates of unknown outcome. While it is not 0, a free call has to succeed before
      each create, and no create is sent before ``creates_after``.
    """

    is_active = models.BooleanField(_("in use"), default=True)
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True, editable=False)
    paused_reason = models.CharField(_("reason of the pause"), max_length=200, blank=True, editable=False)
    stops_reads = models.BooleanField(_("not even asked about work"), default=False, editable=False)
    awaits_key = models.BooleanField(default=False, editable=False)
    cooldown_until = models.DateTimeField(null=True, blank=True, editable=False)
    consecutive_failures = models.PositiveIntegerField(default=1, editable=False)
    lost_creates = models.PositiveIntegerField(default=0, editable=False)
    creates_after = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def may_buy(self) -> bool:
        """True if new work may be sent: the credential is active and not paused."""
        return self.is_active and self.paused_at is None

    def may_create(self) -> bool:
        """Return true if no create was lost, or the wait after it is over by the database's clock."""
        over = models.Q(creates_after=None) | models.Q(creates_after__lte=Now())
        return self.creates_after is None or self._row().filter(over).exists()

    def pause(self, reason: str, *, stops_reads: bool, awaits_key: bool = False) -> bool:
        """Send no creates until a person resumes the credential. Return true if this call paused it.

        ``stops_reads``: do not poll jobs either, because the provider refuses the key for that as well.
        ``awaits_key``: a new key ends the pause. Such a pause is replaced by one for another reason, not vice versa.
        """
        row = self._row()
        if stops_reads:
            row.filter(stops_reads=False).update(stops_reads=True)
        weaker = models.Q(paused_at=None) if awaits_key else models.Q(paused_at=None) | models.Q(awaits_key=True)
        changes = {"paused_at": Now(), "paused_reason": reason[:200], "awaits_key": awaits_key}
        return bool(row.filter(weaker).update(**changes))

    def slow_down(self, seconds: float = 0.0) -> None:
        """Start a cooldown of ``seconds``; without them, of a time that doubles with each consecutive failure.

        After it, creates are sent one at a time until one succeeds. Failures of calls that were in flight when it began
        do not extend it, unless the provider stated ``seconds``.
        """
        row = self._row()
        until = Greatest(Coalesce("cooldown_until", Now()), from_now(seconds or backoff(self.consecutive_failures)))
        failures = models.F("consecutive_failures") + 1
        if not row.filter(_out_of_cooldown()).update(cooldown_until=until, consecutive_failures=failures) and seconds:
            row.update(cooldown_until=until)

    def note_success(self) -> None:
        """Reset the consecutive failures."""
        if self.consecutive_failures:
            self._row().update(consecutive_failures=0)

    def note_lost_create(self, seconds: float) -> None:
        """Record a create of unknown outcome. The next one waits ``seconds``, and until a free call has succeeded.

        Creates that were in flight at the same time count as one.
        """
        row = self._row()
        row.update(creates_after=Greatest(Coalesce("creates_after", Now()), from_now(seconds)))
        row.filter(lost_creates=self.lost_creates).update(lost_creates=self.lost_creates + 1)

    def note_create_response(self) -> None:
        """Reset the count of lost creates, because a create got a response of any kind."""
        if self.lost_creates:
            self._row().update(lost_creates=0, creates_after=None)

    def _row(self) -> models.QuerySet[Self]:
        return type(self)._default_manager.filter(pk=self.pk)
