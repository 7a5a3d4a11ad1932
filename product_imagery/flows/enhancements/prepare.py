"""Prepare: what was accepted in one short request is made ready by the workers, batch by batch."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from product_imagery.flows.enhancements.items import make_batch, note_omitted
from product_imagery.flows.enhancements.retry import retry_batch
from product_imagery.flows.guard import TRANSIENT, attempt, reason_of
from product_imagery.flows.jobs.rollup import update_status
from product_imagery.models import Enhancement, Preparation
from product_imagery.models.db_time import from_now

_TRIES = 8  #: of one batch, in about four minutes

_STEPS = {Preparation.Kind.START: make_batch, Preparation.Kind.RETRY: retry_batch}


def prepare_due() -> int:
    """Do the next batch of what waits longest; return how many were tried.

    A batch that fails is tried again later; one that always fails ends the preparation with its reason, and what is
    made already goes on. Raises what the database raises when it is away.
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
            note = f"Not all pictures could be prepared; nothing was spent for those. {reason_of(error)}"
            Enhancement.objects.filter(pk=preparation.pk).update(note=note[:500])
            note_omitted(preparation.pk, {"not_prepared": preparation.left or 1})
            update_status([preparation.pk])
