"""Prepare: workers create the items of large requests, batch by batch."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from product_imagery.flows.enhancements.items import make_batch, note_omitted
from product_imagery.flows.enhancements.retry import retry_batch
from product_imagery.flows.guard import TRANSIENT, attempt, reason_of
from product_imagery.flows.jobs.rollup import update_status
from product_imagery.models import Enhancement, Preparation
from product_imagery.models.db_time import from_now

_TRIES = 8  #: for one batch, within about four minutes

_STEPS = {Preparation.Kind.START: make_batch, Preparation.Kind.RETRY: retry_batch}


def prepare_due() -> int:
    """Prepare the next batch of the request that has waited longest; return 1, or 0 when none is due.

    A batch that fails is tried again later; after eight tries the preparation ends with a note, and the existing items
    go on. Raises the error of a database that does not respond.
    """
    preparation = Preparation.objects.due().first()
    if preparation is None:
        return 0
    error = attempt(lambda: _STEPS[Preparation.Kind(preparation.kind)](preparation))
    if isinstance(error, TRANSIENT):
        raise error
    if error is not None:
        _failed(preparation, error)
    return 1


def _failed(preparation: Preparation, error: Exception) -> None:
    here = Preparation.objects.filter(pk=preparation.pk, position=preparation.position)
    if preparation.failures + 1 < _TRIES:
        here.update(failures=F("failures") + 1, due_at=from_now(2.0**preparation.failures))
        return
    with transaction.atomic():
        if here.delete()[0]:
            note = gettext("Not all pictures could be prepared; nothing was spent for those. %(reason)s") % {
                "reason": reason_of(error)
            }
            Enhancement.objects.filter(pk=preparation.pk).update(note=note[:500])
            names = preparation.unprepared()
            note_omitted(
                preparation.pk, {"not_prepared": names}, {"not_prepared": (preparation.left or 1) - len(names)}
            )
            update_status([preparation.pk])
