"""How far spending has come."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F

_ONLY = 1  #: primary key of the only row


class SpendingMarkQuerySet(models.QuerySet["SpendingMark"]):
    """There is one mark."""

    def current(self) -> SpendingMark:
        """The mark as it stands."""
        return self.get_or_create(pk=_ONLY)[0]

    def higher(self) -> SpendingMark:
        """Raise the mark by one."""
        self.current()
        self.filter(pk=_ONLY).update(number=F("number") + 1)
        return self.get(pk=_ONLY)

    def begin_anew(self, former: SpendingMark) -> bool:
        """Give this database a mark of its own, that no storage knows; true for the one caller that did it."""
        return bool(self.filter(pk=_ONLY, uuid=former.uuid).update(uuid=uuid.uuid4(), number=0))


class SpendingMark(models.Model):
    """A number that is raised after something was sent that costs money, and written into the storage as well.

    A storage that knows a higher one than the database tells that the database was restored from a backup, or copied.
    """

    uuid = models.UUIDField(default=uuid.uuid4)
    number = models.PositiveBigIntegerField(default=0)

    objects = SpendingMarkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.uuid} {self.number}"
