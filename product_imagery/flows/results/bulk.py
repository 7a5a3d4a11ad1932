"""Bulk: decide on many results in short transactions, with a number of queries that does not depend on theirs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext

from product_imagery import background
from product_imagery.exceptions import StateError
from product_imagery.flows.events import outbox
from product_imagery.flows.guard import retried
from product_imagery.flows.results.review import (
    TOO_LATE,
    Decision,
    already_chosen,
    already_judged,
    reopen,
    require_publishable,
)
from product_imagery.models import EnhancementItem, ResultImage, transitions
from product_imagery.models.result import ResultQuerySet
from product_imagery.states import Publication, Review

BATCH = 100  #: results in one transaction


@dataclass
class Batch:
    """The results that a step has changed, and the errors of the others."""

    done: list[ResultImage] = field(default_factory=list)
    refused: list[StateError] = field(default_factory=list)


@retried
@transaction.atomic
def approve(
    results: Sequence[ResultImage], *, actor: AbstractBaseUser | None, publish: bool, decision: Decision
) -> Batch:
    """Approve results, and with ``publish`` request their publication, except where another variant was chosen.

    ``results`` need ``item__enhancement``. Of each item the first of several is taken.
    """
    batch = Batch()
    _lock_items(results)
    able = _publishable(results, batch) if publish else list(results)
    rows = _rows(able)
    transitions.judge(rows, Review.APPROVED, actor, decision=decision.token, approved_by_rule=decision.rule)
    _sort_judged(able, rows.filter(review=Review.APPROVED, decision=decision.token), batch, actor)
    for result in batch.done:
        result.review, result.approved_by_rule = Review.APPROVED, decision.rule
    if publish and batch.done:
        _request(_rows(batch.done), actor, decision)
    outbox.results_approved(batch.done)
    return batch


@retried
@transaction.atomic
def reject(results: Sequence[ResultImage], *, actor: AbstractBaseUser | None, reason: str, decision: Decision) -> Batch:
    """Reject results."""
    batch, rows = Batch(), _rows(results)
    transitions.judge(rows, Review.REJECTED, actor, decision=decision.token, review_note=reason.strip()[:200])
    _sort_judged(results, rows.filter(review=Review.REJECTED, decision=decision.token), batch, actor)
    return batch


@retried
@transaction.atomic
def publish(results: Sequence[ResultImage], *, actor: AbstractBaseUser | None, decision: Decision) -> Batch:
    """Request the publication of approved results that were never on their products."""
    batch = Batch()
    _lock_items(results)
    able = _publishable(results, batch)
    rows = _rows(able)
    _request(rows.filter(publication=Publication.NONE), actor, decision)
    sentence = gettext("Only an approved picture that is not on its product can be published.")
    _sort(able, rows.filter(publication=Publication.WAITING, decision=decision.token), batch, sentence)
    return batch


@retried
@transaction.atomic
def undo(results: Sequence[ResultImage], *, judgement: bool) -> Batch:
    """Withdraw publications that no worker has carried out; with ``judgement``, return the results to review."""
    batch, rows = Batch(), _rows(results)
    if judgement:
        undone = rows.filter(pk__in=reopen(results))
    else:
        transitions.withdraw(rows)
        undone = rows.filter(publication=Publication.NONE)
    _sort(results, undone, batch, gettext(TOO_LATE))
    return batch


def _rows(results: Collection[ResultImage]) -> ResultQuerySet:
    return ResultImage.objects.filter(pk__in=[result.pk for result in results])


def _lock_items(results: Sequence[ResultImage]) -> None:
    """Lock the items before their results, in the order of their keys."""
    ids = {result.item_id for result in results}
    list(EnhancementItem.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))


def _publishable(results: Sequence[ResultImage], batch: Batch) -> list[ResultImage]:
    """Leave out results of trials, and all but one of each item."""
    able = []
    items = [result.item_id for result in results]
    taken = set(ResultImage.objects.filter(item__in=items).chosen().values_list("item", flat=True))
    for result in results:
        try:
            require_publishable(result)
        except StateError as error:
            batch.refused.append(error)
            continue
        if result.item_id in taken:
            batch.refused.append(already_chosen(result))
            continue
        taken.add(result.item_id)
        able.append(result)
    return able


def _request(rows: ResultQuerySet, actor: AbstractBaseUser | None, decision: Decision) -> None:
    if transitions.request_publication(rows, actor, displaced=False, wait=decision.wait, decision=decision.token):
        background.wake()


def _sort(results: Sequence[ResultImage], changed: ResultQuerySet, batch: Batch, sentence: str) -> None:
    """Divide results into those that were changed, and those refused with this sentence."""
    batch.refused += [StateError(sentence) for _key in _unchanged(results, changed, batch)]


def _sort_judged(
    results: Sequence[ResultImage], changed: ResultQuerySet, batch: Batch, actor: AbstractBaseUser | None
) -> None:
    """Divide results into those that were judged now, and those that somebody has judged before."""
    if keys := _unchanged(results, changed, batch):
        batch.refused += already_judged(keys, actor)


def _unchanged(results: Sequence[ResultImage], changed: ResultQuerySet, batch: Batch) -> list[int]:
    """Note the results that were changed, and return the keys of the others."""
    done = set(changed.values_list("pk", flat=True))
    batch.done += [result for result in results if result.pk in done]
    return [result.pk for result in results if result.pk not in done]
