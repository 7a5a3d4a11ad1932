"""High-water mark of spending: reveals a database that was restored from a backup or copied."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F

_ONLY = 1  #: primary key of the only row


class SpendingMarkQuerySet(models.QuerySet["SpendingMark"]):
    """Access to the only row, which is created when needed."""

    def current(self) -> SpendingMark:
        """Return the current mark."""
        return self.get_or_create(pk=_ONLY)[0]

    def increment(self) -> SpendingMark:
        """Increase the number by one and return the mark."""
        self.current()
        self.filter(pk=_ONLY).update(number=F("number") + 1)
        return self.get(pk=_ONLY)

    def confirm(self, mark: SpendingMark) -> None:
        """Record that the storage has ``mark``."""
        self.filter(pk=_ONLY, uuid=mark.uuid, confirmed__lt=mark.number).update(confirmed=mark.number)

    def replace(self, former: SpendingMark) -> bool:
        """Replace ``former`` by a new mark that no storage has. Return true if this call did it."""
        return bool(self.filter(pk=_ONLY, uuid=former.uuid).update(uuid=uuid.uuid4(), number=0, confirmed=0))


class SpendingMark(models.Model):
    """A number that increases with each paid create, in the database and in the storage of results.

    ``confirmed`` is the last number that was written to the storage, 0 before the first purchase. If the storage has a
    higher number than the database, the database was restored; if it lacks the confirmed one, one of them is a copy.
    """

    uuid = models.UUIDField(default=uuid.uuid4)
    number = models.PositiveBigIntegerField(default=0)
    confirmed = models.PositiveBigIntegerField(default=0)

    objects = SpendingMarkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.uuid} {self.number}"
