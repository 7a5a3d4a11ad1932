"""High-water mark of spending, which reveals a restored or copied database."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F

_ONLY = 1  #: primary key of the only row


class SpendingMarkQuerySet(models.QuerySet["SpendingMark"]):
    """Access to the only row."""

    def current(self) -> SpendingMark:
        """Return the current mark."""
        return self.get_or_create(pk=_ONLY)[0]

    def higher(self) -> SpendingMark:
        """Raise the mark by one and return it."""
        self.current()
        self.filter(pk=_ONLY).update(number=F("number") + 1)
        return self.get(pk=_ONLY)

    def confirm(self, mark: SpendingMark) -> None:
        """Record that the storage holds ``mark``."""
        self.filter(pk=_ONLY, uuid=mark.uuid, confirmed__lt=mark.number).update(confirmed=mark.number)

    def begin_anew(self, former: SpendingMark) -> bool:
        """Give this database a new mark that no storage knows. Return whether this call did it."""
        return bool(self.filter(pk=_ONLY, uuid=former.uuid).update(uuid=uuid.uuid4(), number=0, confirmed=0))


class SpendingMark(models.Model):
    """A number that is raised after each paid create, and is written to the storage as well.

    ``confirmed`` is the last number that the storage is known to hold; it is 0 only before the first purchase. If the
    storage has a higher number than the database, or lacks the confirmed one, the two belong to different states.
    """

    uuid = models.UUIDField(default=uuid.uuid4)
    number = models.PositiveBigIntegerField(default=0)
    confirmed = models.PositiveBigIntegerField(default=0)

    objects = SpendingMarkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.uuid} {self.number}"
