"""Review: approve, reject, regenerate, and request the publication of results; undo of these steps."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils.translation import gettext, gettext_noop

from product_imagery import background
from product_imagery.exceptions import StateError
from product_imagery.flows.events import outbox
from product_imagery.flows.guard import retried
from product_imagery.flows.jobs.rollup import update_status
from product_imagery.flows.money import budgets
from product_imagery.flows.people import name_of_other
from product_imagery.flows.results.standing import on_product
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob, ResultImage, transitions
from product_imagery.products import description_for
from product_imagery.products.slots import read_slot
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import ItemStatus, Publication, Review

_JUDGED = {
    Review.APPROVED: gettext_noop("%(person)s has approved this picture already."),
    Review.REJECTED: gettext_noop("%(person)s has rejected this picture already."),
}
_STATES = {
    Review.PENDING: gettext_noop("This picture waits for a review."),
    Review.APPROVED: gettext_noop("This picture is approved already."),
    Review.REJECTED: gettext_noop("This picture is rejected already."),
}
TOO_LATE = gettext_noop("It is too late to undo this: the picture is on its product. Take it back there.")


@dataclass(frozen=True)
class Decision:
    """One press of a button. Its results carry the ``token``; workers publish them after ``wait`` seconds.

    ``rule``: name of the approval rule by which they are approved, if it is one.
    """

    token: uuid.UUID = field(default_factory=uuid.uuid4)
    wait: float = 0.0
    rule: str = ""


@retried
@transaction.atomic
def approve(
    result: ResultImage,
    *,
    actor: AbstractBaseUser | None,
    publish: bool = False,
    replaces: bool = True,
    decision: Decision | None = None,
) -> None:
    """Approve a result; with ``publish=True``, also request its publication, as the function ``publish`` does.

    Raises ``StateError`` if it was judged already, and what ``publish`` raises; nothing is done then.
    """
    decision = decision or Decision()
    _lock_item(result)
    _judge(result, Review.APPROVED, actor, decision, approved_by_rule=decision.rule)
    if publish:
        _request_publication(result, actor, replaces, decision)
    outbox.results_approved([result])


@retried
def reject(
    result: ResultImage, *, actor: AbstractBaseUser | None, reason: str = "", decision: Decision | None = None
) -> None:
    """Reject a result; its files stay. Raises ``StateError`` when it was judged already."""
    _judge(result, Review.REJECTED, actor, decision or Decision(), review_note=reason.strip()[:200])


@retried
@transaction.atomic
def publish(
    result: ResultImage,
    *,
    actor: AbstractBaseUser | None,
    replaces: bool = True,
    decision: Decision | None = None,
) -> None:
    """Let a worker put an approved result on its product, also where it was before and something else stands now.

    It costs nothing. A variant that was chosen before is replaced, or, without ``replaces``, is an error. Raises
    ``StateError`` for that, for a trial, and for a result that is not approved or is on its product.
    """
    _request_publication(result, actor, replaces, decision or Decision())


@retried
@transaction.atomic
def return_to_review(result: ResultImage) -> None:
    """Undo the approval or rejection of a result that is not on its product, and withdraw its publication.

    A worker that is publishing it at this moment loses its lease, and writes nothing. Raises ``StateError``.
    """
    if not reopen([result]):
        waits = ResultImage.objects.filter(pk=result.pk, review=Review.PENDING).exists()
        raise StateError(gettext(_STATES[Review.PENDING] if waits else TOO_LATE))


def reopen(results: Collection[ResultImage]) -> set[int]:
    """Return results to review, and publish which approvals are undone by that; return the keys of those returned.

    To be called in a transaction.
    """
    rows = ResultImage.objects.filter(pk__in=[result.pk for result in results])
    before = dict(rows.select_for_update().order_by("pk").values_list("pk", "review"))
    transitions.return_to_review(rows)
    reopened = {
        pk for pk in rows.filter(review=Review.PENDING).values_list("pk", flat=True) if before[pk] != Review.PENDING
    }
    outbox.results_reopened([one for one in results if one.pk in reopened and before[one.pk] == Review.APPROVED])
    return reopened


@retried
def withdraw(result: ResultImage) -> None:
    """Withdraw the request to publish a result; it stays approved. Raises ``StateError`` when it is too late."""
    if not transitions.withdraw(ResultImage.objects.filter(pk=result.pk)):
        raise StateError(gettext(TOO_LATE))


def _request_publication(
    result: ResultImage, actor: AbstractBaseUser | None, replaces: bool, decision: Decision
) -> None:
    require_publishable(result)
    displaced = result.publication == Publication.PUBLISHED and not on_product([result])
    seen = displaced or result.publication == Publication.CONFLICT
    _lock_item(result)
    _choose(result, replaces)
    chosen = ResultImage.objects.filter(pk=result.pk)
    if not transitions.request_publication(
        chosen, actor, displaced=displaced, wait=decision.wait, decision=decision.token
    ):
        raise _not_publishable(result, actor)
    if seen:
        _accept_change(result)
    background.wake()


def _not_publishable(result: ResultImage, actor: AbstractBaseUser | None) -> StateError:
    """Return the error of a result that is not approved (any more), or that was published meanwhile."""
    found = ResultImage.objects.select_related("reviewed_by", "published_by").get(pk=result.pk)
    if found.review == Review.PENDING:
        return StateError(gettext("Only an approved picture can be published. This one waits for a review."))
    if found.review == Review.REJECTED:
        return StateError(_judgement(found, actor))
    if person := name_of_other(found.published_by, actor):
        return StateError(gettext("%(person)s has published this picture already.") % {"person": person})
    return StateError(gettext("Only an approved picture that is not on its product can be published."))


def require_publishable(result: ResultImage) -> None:
    """Raise ``StateError`` for a result of a trial."""
    if result.item.enhancement.is_trial:
        sentence = gettext("A picture made with a test key, or in a provider's sandbox, is never put on a product.")
        raise StateError(sentence, code="test_key")


def already_chosen(result: ResultImage) -> StateError:
    """Return the error of a result of whose item another variant is published or waits for that."""
    sentence = gettext(
        "%(label)s: another variant of this picture was chosen already. Publish this one by itself to replace it."
    )
    return StateError(sentence % {"label": result.item.label}, code="variant_chosen")


def _lock_item(result: ResultImage) -> None:
    """Lock the item before its results, so that decisions on its variants wait for each other in the same order."""
    EnhancementItem.objects.select_for_update().filter(pk=result.item_id).first()


def _choose(result: ResultImage, replaces: bool) -> None:
    """Withdraw another variant of the same picture that waits to be published, as only one can stand on the product."""
    others = ResultImage.objects.filter(item=result.item_id).exclude(pk=result.pk)
    if not replaces and others.chosen().exists():
        raise already_chosen(result)
    transitions.withdraw(others)


def _accept_change(result: ResultImage) -> None:
    """Allow the picture that stands on the product now to be replaced, as a person has seen it and decided so."""
    item = EnhancementItem.objects.get(pk=result.item_id)
    slot = read_slot(description_for(item.content_type_id), item.object_id, item.slot)
    if slot is not None:
        EnhancementItem.objects.filter(pk=item.pk).update(target_name=slot.target_name)


def can_vary(enhancement: Enhancement) -> bool:
    """Return true if repeating the work can give another picture: the local engine needs a seed for that."""
    return "seed" in enhancement.options or not get_provider(enhancement.credential.provider).computes


@retried
def regenerate(result: ResultImage, *, actor: AbstractBaseUser | None, rejects: bool = True) -> ProviderJob:
    """Make another result of an item by the same work, with another seed where there is one; reject the present one.

    With ``rejects`` false the present one goes on waiting. Raises ``StateError`` when the item is being worked on
    already or would come out the same, ``RequestError`` over a budget.
    """
    with transaction.atomic():
        item = EnhancementItem.objects.select_related("enhancement__credential").get(pk=result.item_id)
        if not can_vary(item.enhancement):
            sentence = gettext(
                "This look makes the same picture again each time. Start another look, or other options."
            )
            raise StateError(sentence, code="same_again")
        (job,) = budgets.order_again(item.enhancement, [(_varied(item), 1)])
        _queue_again(item, job)
        if rejects and result.review == Review.PENDING:
            reject(result, actor=actor)
        return job


def _queue_again(item: EnhancementItem, job: ProviderJob) -> None:
    """Queue a completed item again under a new job."""
    try:
        with transaction.atomic():
            completed = EnhancementItem.objects.filter(pk=item.pk, status=ItemStatus.COMPLETED)
            reopened = transitions.reopen_items(completed, job=job)
    except IntegrityError as error:
        raise StateError(gettext("The same picture is being made in another enhancement.")) from error
    if not reopened:
        raise StateError(gettext("The picture is being made already, or its state changed meanwhile."))
    Enhancement.objects.filter(pk=item.enhancement_id).update(cancelled_at=None)  # this item goes on
    update_status([item.enhancement_id])
    background.wake()


def _varied(item: EnhancementItem) -> dict[str, object]:
    options = dict(item.enhancement.options)
    if "seed" in options:
        options["seed"] = (int(options["seed"]) + 1000 * item.results.count()) % 1_000_000_000
    return options


def _judge(
    result: ResultImage, verdict: Review, actor: AbstractBaseUser | None, decision: Decision, **columns: str
) -> None:
    judged = ResultImage.objects.filter(pk=result.pk)
    if not transitions.judge(judged, verdict, actor, decision=decision.token, **columns):
        raise already_judged([result.pk], actor)[0]
    result.review, result.approved_by_rule = verdict, decision.rule


def already_judged(keys: Collection[int], actor: AbstractBaseUser | None) -> list[StateError]:
    """Return an error for each of these results: who has judged it meanwhile, if somebody else than ``actor`` did."""
    rows = ResultImage.objects.filter(pk__in=keys).select_related("reviewed_by")
    return [StateError(_judgement(row, actor)) for row in rows]


def _judgement(result: ResultImage, actor: AbstractBaseUser | None) -> str:
    review, person = Review(result.review), name_of_other(result.reviewed_by, actor)
    if person and review in _JUDGED:
        return gettext(_JUDGED[review]) % {"person": person}
    return gettext(_STATES[review])
