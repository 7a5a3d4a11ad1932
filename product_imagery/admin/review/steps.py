"""Steps of the review: what a button of one tile, of the ticked ones or of the whole filter does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from product_imagery import history
from product_imagery.admin.base import errors_as_messages, for_each, number_in, user_of
from product_imagery.admin.permissions import require
from product_imagery.admin.restoring import REQUEST_SECONDS, more_is_left, restore_all, show_refusals
from product_imagery.admin.review.queue import Queue
from product_imagery.flows.results import bulk, publish, review
from product_imagery.flows.results.review import Decision
from product_imagery.models import ApprovalRule, EnhancementItem, ImageVersion, ResultImage
from product_imagery.models.result import ResultQuerySet
from product_imagery.states import Publication

UNDO_SECONDS = 10.0  #: for which workers leave a publication to second thoughts
_PAUSE_SECONDS = 0.05  #: between two transactions: others who wait for SQLite's lock only poll for it

_REVIEW, _PUBLISH = "review_resultimage", "publish_resultimage"
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "approve": (_REVIEW,),
    "approve_and_publish": (_REVIEW, _PUBLISH),
    "reject": (_REVIEW,),
    "publish": (_PUBLISH,),
    "reopen": (_REVIEW,),
    "restore": ("restore_imageversion",),
}
_ON_PRODUCTS = ("approve_and_publish", "publish", "restore")  #: steps that change products
_FOR_ALL = ("approve", "approve_and_publish", "publish", "restore")


@dataclass(frozen=True)
class Outcome:
    """The end of a step: the items that it concerned, and the value of the button that undoes it."""

    items: tuple[int, ...] = ()
    undo: str = ""
    done: int = 0


def carry_out(request: HttpRequest, queue: Queue) -> Outcome:
    """Carry out the button that was pressed; messages say what came of it. Raises ``PermissionDenied``."""
    if "undo" in request.POST:
        return _undo(request, queue)
    if "all" in request.POST:
        return _for_all(request, queue)
    step = next((name for name in PERMISSIONS if name in request.POST), "")
    if not step:
        return Outcome()
    require(request, *PERMISSIONS[step])
    value = request.POST[step]
    many = value == "ticked"
    keys = _keys(request, request.POST.getlist("ticked") if many else [value])
    seen = asked = queue.seen().filter(pk__in=keys)
    if step in _ON_PRODUCTS:
        seen = queue.seen(change=True).filter(pk__in=keys)
        _warn_of_unchanged(request, asked.count() - seen.count())
    if many:
        seen = _one_variant_each(request, seen)
    rows = list(seen.select_related("item__enhancement__credential").order_by("pk"))
    if not keys or not asked:
        _ask_for_more(request, value)
    return _decide(request, step, rows, many=many)


def _decide(request: HttpRequest, step: str, rows: list[ResultImage], *, many: bool) -> Outcome:
    decision, person = Decision(wait=UNDO_SECONDS), user_of(request)
    items = tuple(row.item_id for row in rows)
    if step == "restore":
        _warn_of_taken_back(request, rows)
        return Outcome(items, done=restore_all(request, _newest(rows)))
    record = partial(history.reviewed, person, step)
    if many and step in ("approve", "approve_and_publish", "reject"):
        portions = (rows[begin : begin + bulk.BATCH] for begin in range(0, len(rows), bulk.BATCH))
        reason = request.POST.get("reason", "")
        batches = (partial(_batch, step, some, person, decision, reason) for some in portions)
        done = _in_batches(request, batches, record)
    else:
        done = list(for_each(request, _single(request, step, person, decision, many=many), rows, record))
    if done:
        messages.success(request, history.review_sentence(step, len(done)))
    return Outcome(items, _undo_of(step, decision) if done else "", len(done))


def _single(
    request: HttpRequest, step: str, person: AbstractBaseUser, decision: Decision, *, many: bool
) -> Callable[[ResultImage], object]:
    """Return the function that carries out a step for one result."""
    by_person: dict[str, Any] = {"actor": person, "decision": decision}
    if step == "publish":
        return partial(review.publish, replaces=not many, **by_person)
    if step == "reject":
        return lambda row: review.reject(row, reason=request.POST.get(f"reason-{row.item_id}", ""), **by_person)
    if step == "reopen":
        return review.return_to_review
    return partial(review.approve, publish=step == "approve_and_publish", **by_person)


def _undo_of(step: str, decision: Decision) -> str:
    if step not in ("approve", "approve_and_publish", "reject", "publish"):
        return ""
    return f"{'publish' if step == 'publish' else 'review'}:{decision.token}"


def read_undo(value: str) -> tuple[str, uuid.UUID] | None:
    """Return the kind and the token of the value of an undo button; ``None`` for another text."""
    kind, _separator, token = value.partition(":")
    try:
        return (kind, uuid.UUID(token)) if kind in ("review", "publish") else None
    except ValueError:
        return None


def _undo(request: HttpRequest, queue: Queue) -> Outcome:
    """Undo one press of a button, as far as no worker has acted."""
    wanted = read_undo(request.POST["undo"])
    if wanted is None:
        return Outcome()
    kind, token = wanted
    require(request, _REVIEW if kind == "review" else _PUBLISH)
    rows = queue.seen().filter(decision=token)
    if kind == "publish":
        rows = rows.filter(publication=Publication.WAITING)
    items: list[int] = []

    def batches() -> Iterator[Callable[[], bulk.Batch]]:
        for some in _loaded(rows):
            items.extend(row.item_id for row in some)
            yield partial(bulk.undo, some, judgement=kind == "review")

    step = "reopen" if kind == "review" else "withdraw"
    done = _in_batches(request, batches(), partial(history.reviewed, user_of(request), step))
    if done:
        messages.success(request, history.review_sentence(step, len(done)))
    elif not items:
        messages.warning(request, _("There is nothing to undo any more."))
    return Outcome(tuple(items[:1]), done=len(done))


def _for_all(request: HttpRequest, queue: Queue) -> Outcome:
    """Carry out a step for everything that the filter selects, if its number is still the one that was shown."""
    step, _separator, shown = request.POST["all"].partition(":")
    if step not in _FOR_ALL or (step == "restore" and not queue.filter.enhancement):
        return Outcome()
    require(request, *PERMISSIONS[step])
    if queue.filter.rule and not _decides(queue.rule, step):
        messages.warning(request, _("The rule was changed, switched off or deleted meanwhile. Nothing was done."))
        return Outcome()
    rows = queue.for_all(step)
    number = rows.count()
    if number != number_in(shown):
        text = ngettext(
            "The number has changed: it is %(n)s picture now. Nothing was done; press again if you want that.",
            "The number has changed: it is %(n)s pictures now. Nothing was done; press again if you want that.",
            number,
        )
        messages.warning(request, text % {"n": number})
        return Outcome()
    rule = queue.rule.name if queue.rule else ""
    person, decision = user_of(request), Decision(wait=UNDO_SECONDS, rule=rule)
    if step == "restore":
        return Outcome(done=restore_all(request, _newest(rows)))
    batches = (partial(_batch, step, some, person, decision, "") for some in _loaded(rows))
    done = _in_batches(request, batches, partial(history.reviewed, person, step, rule=rule))
    if done:
        messages.success(request, history.review_sentence(step, len(done), rule))
    return Outcome(undo=_undo_of(step, decision) if done else "", done=len(done))


def step_of(rule: ApprovalRule) -> str:
    """Return the step that a rule takes."""
    return "approve_and_publish" if rule.publishes else "approve"


def _decides(rule: ApprovalRule | None, step: str) -> bool:
    return rule is not None and rule.is_active and step_of(rule) == step


def _batch(step: str, rows: list[ResultImage], person: AbstractBaseUser, decision: Decision, reason: str) -> bulk.Batch:
    if step == "reject":
        return bulk.reject(rows, actor=person, reason=reason, decision=decision)
    if step == "publish":
        return bulk.publish(rows, actor=person, decision=decision)
    return bulk.approve(rows, actor=person, publish=step == "approve_and_publish", decision=decision)


def _loaded(rows: ResultQuerySet) -> Iterator[list[ResultImage]]:
    return rows.select_related("item__enhancement").in_portions(bulk.BATCH)


def _in_batches(
    request: HttpRequest,
    batches: Iterator[Callable[[], bulk.Batch]],
    record: Callable[[list[ResultImage]], object],
) -> list[ResultImage]:
    """Carry out batches for some seconds, show why pictures were refused, and return the results that were changed.

    ``record`` is called after each batch with those that it has changed.
    """
    done: list[ResultImage] = []
    refused: list[str] = []
    end = time.monotonic() + REQUEST_SECONDS
    for batch in batches:
        if time.monotonic() > end:
            messages.warning(request, more_is_left())
            break
        time.sleep(_PAUSE_SECONDS if done else 0.0)
        with errors_as_messages(request):
            made = batch()
            refused += [error.message for error in made.refused]
            if made.done:
                record(made.done)
                done += made.done
    show_refusals(request, refused)
    return done


def _newest(results: Any) -> QuerySet[ImageVersion]:
    """Return the last publication of each of these results that was not taken back."""
    ours = ImageVersion.objects.filter(result__in=results, restored_at=None)
    later = ImageVersion.objects.filter(result=OuterRef("result"), restored_at=None, pk__gt=OuterRef("pk"))
    return ours.filter(~Exists(later))


def _warn_of_taken_back(request: HttpRequest, results: list[ResultImage]) -> None:
    """Say which of these results were taken back meanwhile."""
    versions = ImageVersion.objects.filter(result__in=results).order_by("pk")
    last = {version.result_id: version for version in versions}
    for version in last.values():
        if version.restored_at is not None:
            messages.warning(request, publish.already_put_back(version, user_of(request)).message)


def _keys(request: HttpRequest, values: list[str]) -> list[int]:
    """Return the results that buttons and boxes name, themselves or as the chosen variants of items."""
    keys = []
    for value in values:
        item = value.removeprefix("item-")
        key = number_in(request.POST.get(f"variant-{item}") if item != value else value)
        if key is not None:
            keys.append(key)
        elif item != value and (pk := number_in(item)) is not None:
            _warn_of_choice(request, EnhancementItem.objects.filter(pk=pk).first())
    return keys


def _ask_for_more(request: HttpRequest, value: str) -> None:
    if not value.startswith("item-"):
        messages.warning(request, _("Tick at least one picture."))


def _warn_of_choice(request: HttpRequest, item: EnhancementItem | None) -> None:
    if item is not None:
        messages.warning(request, _("%s: choose one of its variants. None of them was changed.") % item.label)


def _one_variant_each(request: HttpRequest, ticked: ResultQuerySet) -> ResultQuerySet:
    """Leave out items of which several variants are ticked: a person has to choose one."""
    items = list(ticked.order_by().values_list("item", flat=True))
    several = {item for item in items if items.count(item) > 1}
    for item in EnhancementItem.objects.filter(pk__in=several):
        _warn_of_choice(request, item)
    return ticked.exclude(item__in=several)


def _warn_of_unchanged(request: HttpRequest, number: int) -> None:
    text = ngettext(
        "%(n)s picture was left as it is: you may not change its product.",
        "%(n)s pictures were left as they are: you may not change their products.",
        number,
    )
    if number:
        messages.warning(request, text % {"n": number})
