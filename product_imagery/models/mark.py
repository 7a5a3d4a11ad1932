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

    def confirm(self, mark: SpendingMark) -> None:
        """Remember that the storage holds ``mark``."""
        self.filter(pk=_ONLY, uuid=mark.uuid, confirmed__lt=mark.number).update(confirmed=mark.number)

    def begin_anew(self, former: SpendingMark) -> bool:
        """Give this database a mark of its own, that no storage knows; true for the one caller that did it."""
        return bool(self.filter(pk=_ONLY, uuid=former.uuid).update(uuid=uuid.uuid4(), number=0, confirmed=0))


class SpendingMark(models.Model):
    """A number that is raised after something was sent that costs money, and written into the storage as well.

    ``confirmed`` is the last one that the storage is known to hold: 0 only before anything was bought. A storage that
    knows a higher number than the database, or not the confirmed one, belongs to another state of the site.
    """

    uuid = models.UUIDField(default=uuid.uuid4)
    number = models.PositiveBigIntegerField(default=0)
    confirmed = models.PositiveBigIntegerField(default=0)

    objects = SpendingMarkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.uuid} {self.number}"
