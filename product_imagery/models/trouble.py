"""Current failures of workers, by machine and task."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from product_imagery.models.db_time import from_now

_CURRENT_SECONDS = 900.0  #: seconds after the last failure for which it counts as current


class TroubleQuerySet(models.QuerySet["WorkerTrouble"]):
    """Failures of workers by machine and task."""

    def current(self) -> TroubleQuerySet:
        """Filter failures of the last 15 minutes: later, the failure is over or its machine is gone."""
        return self.filter(last_at__gt=from_now(-_CURRENT_SECONDS))

    def note(self, machine: str, task: str, reason: str) -> None:
        """Record a failure of ``task`` on ``machine``, or one more."""
        mine, reason = self.filter(machine=machine, task=task), reason.replace("\0", "")[:500]
        if not mine.update(reason=reason, failures=F("failures") + 1, last_at=Now()):
            self.bulk_create([WorkerTrouble(machine=machine, task=task, reason=reason)], ignore_conflicts=True)

    def end(self, machine: str, task: str) -> None:
        """Delete the failure of a task that has succeeded."""
        self.filter(machine=machine, task=task).delete()

    def delete_old(self) -> None:
        """Delete failures whose last occurrence is more than a day ago."""
        self.filter(last_at__lt=from_now(-86_400)).delete()


class WorkerTrouble(models.Model):
    """A task of the worker that currently fails on one machine. Deleted when the task succeeds."""

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
