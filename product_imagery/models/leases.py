"""Leases: the right of one worker to act on a row until a deadline, by the database's clock.

A worker that finishes releases the lease with its result. One that dies, hangs or loses its network does not: the row
is free again after the deadline, and the worker that comes back too late finds its token gone::

    12:00:00  worker A acquires the row for 60 s          token a, leased until 12:01:00
    12:00:15  worker A renews                             token a, leased until 12:01:15
    12:00:20  the machine of worker A freezes
    12:01:16  worker B acquires the row, which is free    token b, leased until 12:02:16
    12:01:40  worker A wakes up: ``held(row)`` is empty, so nothing of its result is written

Each step is one conditional ``UPDATE``, which is right on its own: SQLite ignores ``skip_locked``.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from product_imagery.conf import MOST_LEASE
from product_imagery.models.db_time import from_now

_NONE: dict[str, Any] = {"lease_token": None, "leased_until": None}

_L = TypeVar("_L", bound="Lease")


class LeaseQuerySet(models.QuerySet[_L]):
    """Rows by the state of their leases."""

    def free(self, longest: float = MOST_LEASE) -> Self:
        """Filter rows without a lease or with an expired one.

        A lease with more than ``longest`` seconds left counts as expired: it was set by a wrong clock.
        """
        return self.filter(Q(leased_until=None) | _past(longest))

    def expired(self, longest: float = MOST_LEASE) -> Self:
        """Filter rows whose lease was neither released nor renewed in time."""
        return self.filter(_past(longest))

    def acquire(self, seconds: float, longest: float = MOST_LEASE, **changes: Any) -> uuid.UUID | None:
        """Lease the free ones of these rows under one new token and return it; ``None`` if no row was free."""
        token = uuid.uuid4()
        leased = self.free(longest).update(lease_token=token, leased_until=from_now(seconds), **changes)
        return token if leased else None

    def held(self, row: _L) -> Self:
        """Filter ``row`` if its lease is still ours: the condition of every write under a lease."""
        return self.filter(pk=row.pk, lease_token=row.lease_token) if row.lease_token else self.none()

    def is_held(self, rows: Collection[_L]) -> set[Any]:
        """Return the primary keys of rows whose leases are still ours, locked until the transaction ends."""
        found = self.filter(pk__in=[row.pk for row in rows]).select_for_update().order_by("pk")
        tokens = dict(found.values_list("pk", "lease_token"))
        return {row.pk for row in rows if row.lease_token and tokens.get(row.pk) == row.lease_token}

    def renew(self, rows: Collection[_L], seconds: float, **changes: Any) -> set[Any]:
        """Set the deadline of leases that are still ours to ``seconds`` from now; return the primary keys."""
        tokens = {row.lease_token for row in rows} - {None}
        if not tokens:
            return set()
        held = self.filter(pk__in=[row.pk for row in rows], lease_token__in=tokens)
        held.update(leased_until=from_now(seconds), **changes)
        return set(held.values_list("pk", flat=True))

    def release(self, **changes: Any) -> int:
        """End the leases on these rows and update them with ``changes``; return the number of rows."""
        return self.update(**_NONE, **changes)


def _past(longest: float) -> Q:
    return Q(leased_until__lt=Now()) | Q(leased_until__gt=from_now(longest))


class Lease(models.Model):
    """Columns of a lease. Only the worker whose token is ``lease_token`` may write the row."""

    lease_token = models.UUIDField(null=True, editable=False, db_index=True)
    leased_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True
        constraints = (
            models.CheckConstraint(
                condition=Q(lease_token=None, leased_until=None)
                | Q(lease_token__isnull=False, leased_until__isnull=False),
                name="imagery_%(class)s_lease",
            ),
        )
