"""Current failures of workers, by machine and task."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from product_imagery.models.db_time import from_now

_HEARD_SECONDS = 900.0  #: seconds without a failure after which it is over, or its machine is gone


class TroubleQuerySet(models.QuerySet["WorkerTrouble"]):
    """Failures by machine and task."""

    def present(self) -> TroubleQuerySet:
        """Filter failures that are not known to be over."""
        return self.filter(last_at__gt=from_now(-_HEARD_SECONDS))

    def note(self, machine: str, task: str, reason: str) -> None:
        """Record another failure of ``task`` on ``machine``."""
        mine, reason = self.filter(machine=machine, task=task), reason.replace("\0", "")[:500]
        if not mine.update(reason=reason, failures=F("failures") + 1, last_at=Now()):
            self.bulk_create([WorkerTrouble(machine=machine, task=task, reason=reason)], ignore_conflicts=True)

    def end(self, machine: str, task: str) -> None:
        """Delete the failure of a task that has succeeded."""
        self.filter(machine=machine, task=task).delete()

    def forget(self) -> None:
        """Delete failures that were not seen for a day."""
        self.filter(last_at__lt=from_now(-86_400)).delete()


class WorkerTrouble(models.Model):
    """A task of the worker that fails on one machine. Deleted when the task succeeds again."""

    machine = models.CharField(_("machine"), max_length=120)
    task = models.CharField(_("task"), max_length=120)
    reason = models.CharField(_("reason"), max_length=500)
    failures = models.PositiveIntegerField(_("failures"), default=1)
    since = models.DateTimeField(_("since"), db_default=Now())
    last_at = models.DateTimeField(_("last failure"), db_default=Now())

    objects = TroubleQuerySet.as_manager()

    class Meta:
        verbose_name = _("trouble of a worker")
        verbose_name_plural = _("troubles of workers")
        ordering = ("machine", "task")
        constraints = (models.UniqueConstraint(fields=["machine", "task"], name="imagery_trouble_once"),)

    def __str__(self) -> str:
        return f"{self.task} ({self.machine})"
