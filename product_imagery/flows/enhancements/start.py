"""Start: turn a selection and a work spec into an enhancement. Nothing is sent to a provider here.

When two people start the same 100 pictures at once, they are bought once::

    person A                               person B
    plan: 100 to do                        plan: 100 to do
    create items and jobs, commit          the unique ``active_key`` of an item refuses: roll back
                                           plan: 100 under way, none to do: ``NothingToDo``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction

from product_imagery import background
from product_imagery.exceptions import NothingToDo, StateError
from product_imagery.flows.enhancements.estimate import estimate_seconds
from product_imagery.flows.enhancements.items import Overtaken, create_items, freeze, is_large, name_of
from product_imagery.flows.enhancements.plan import (
    DONE_BEFORE,
    IN_STORAGE,
    UNDER_WAY,
    UNREADABLE,
    Chosen,
    Plan,
    count_of,
    make_plan,
)
from product_imagery.flows.enhancements.preconditions import sentence_of
from product_imagery.flows.enhancements.specs import WorkSpec
from product_imagery.flows.money import budgets
from product_imagery.models import ApiKey, Enhancement
from product_imagery.products import ProductImages
from product_imagery.provider_kit.registry import get_provider


@dataclass(frozen=True)
class Quote:
    """Numbers of pictures, cost and duration of an enhancement before it is started.

    ``cost`` is in ``currency``; ``seconds`` are wall clock. Each picture ``to_do`` is made in so many ``variants``, of
    which a person chooses one. Pictures ``in_storage`` had this look until something else was put on their products:
    they can be published again at no cost. ``untakeable`` are left out because their results could not be used, for
    the reasons in ``untakeable_because``. ``is_sandbox``: costs nothing, and nothing is published.
    """

    pictures: int
    to_do: int
    under_way: int
    done_before: int
    without_picture: int
    unreadable: int
    in_storage: int
    untakeable: int
    untakeable_because: tuple[str, ...]
    cost: Decimal
    currency: str
    seconds: float
    is_sandbox: bool = False
    variants: int = 1


def quote(chosen: Chosen, spec: WorkSpec, *, fresh: bool = False, from_present: bool = False, unseen: int = 0) -> Quote:
    """Return what ``start`` would do. ``unseen``: further pictures to count, which are no products yet.

    Raises ``RequestError`` for a selection that is too large.
    """
    plan = make_plan(chosen, spec, fresh=fresh, from_present=from_present)
    provider = get_provider(spec.credential.provider)
    to_do = len(plan.to_do) + unseen
    seconds = estimate_seconds(spec.credential, spec.operation, spec.offer, to_do * spec.variants)
    return Quote(
        pictures=to_do + len(plan.left_out),
        to_do=to_do,
        under_way=plan.count(UNDER_WAY),
        done_before=plan.count(DONE_BEFORE),
        without_picture=max(0, count_of(chosen) - len(plan.products)),
        unreadable=plan.count(UNREADABLE),
        in_storage=plan.count(IN_STORAGE),
        untakeable=sum(plan.hindrances().values()),
        untakeable_because=tuple(sentence_of(reason, provider) for reason in plan.hindrances()),
        cost=spec.cost_each * to_do,
        currency=provider.currency,
        seconds=seconds,
        is_sandbox=spec.is_sandbox,
        variants=spec.variants,
    )


def start(
    chosen: Chosen,
    spec: WorkSpec,
    *,
    channel: str,
    actor: AbstractBaseUser | None = None,
    auto_approve: bool = False,
    fresh: bool = False,
    from_present: bool = False,
    budget: Decimal | None = None,
    api_key: ApiKey | None = None,
    external_ids: Mapping[tuple[ProductImages, str], Sequence[str]] | None = None,
    webhook_url: str = "",
) -> Enhancement:
    """Freeze the selection, reserve the cost and queue the work.

    Pictures that are under way with the same work spec are left out; so are those that have an unrejected result of it,
    unless ``fresh``. A picture that we published is made from its original, or from itself with ``from_present``.
    ``budget``: the most that this enhancement may cost. ``external_ids``: the caller's names of the products, by
    description and primary key as text. ``webhook_url``: where its events are sent.
    ``left_out`` of the enhancement, or of ``NothingToDo``, lists the products of which nothing is made.

    Raises ``NothingToDo`` when none is left, ``RequestError`` for a selection that is too large or too dear.
    """
    about: dict[str, Any] = {"channel": channel, "actor": actor, "auto_approve": auto_approve, "api_key": api_key}
    about |= {"webhook_url": webhook_url, "budget": budget}
    names = {name_of(*product): name for product, name in (external_ids or {}).items()}
    how = {"fresh": fresh, "from_present": from_present}
    for _attempt in range(3):
        plan = make_plan(chosen, spec, fresh=fresh, from_present=from_present)
        if not plan.to_do:
            error = _nothing(plan, spec)
            error.left_out = plan.left(chosen)
            raise error
        try:
            enhancement = _accept(plan, spec, {**about, "omitted": plan.omitted(chosen)}, names, how)
        except (IntegrityError, Overtaken):
            continue  # somebody else has just started the same pictures: plan again without them
        enhancement.left_out = plan.left(chosen)
        return enhancement
    raise StateError("Somebody else is starting the same pictures. Try again in a moment.")


@transaction.atomic
def _accept(
    plan: Plan, spec: WorkSpec, about: dict[str, Any], names: Mapping[str, Sequence[str]], how: Mapping[str, bool]
) -> Enhancement:
    """Create the enhancement in one short transaction; the workers create the items of a large one later."""
    enhancement = _begin(plan, spec, about)
    if is_large(plan):
        freeze(enhancement, plan, spec, names, **how)
    else:
        create_items(enhancement, plan, spec.cost_each, names, fresh=how["fresh"])
    background.wake()
    return enhancement


def _begin(plan: Plan, spec: WorkSpec, about: dict[str, Any]) -> Enhancement:
    """Create the row of the enhancement, once every budget allows the cost of the plan."""
    budgets.allow(spec.credential, spec.cost_each * len(plan.to_do), about["budget"], about["api_key"])
    return Enhancement.objects.create(
        operation=spec.operation,
        options=spec.options,
        preset=spec.preset,
        credential=spec.credential,
        is_test=spec.is_test,
        is_sandbox=spec.is_sandbox,
        **about,
    )


def _nothing(plan: Plan, spec: WorkSpec) -> NothingToDo:
    """Return the error for a plan without work, with the reason that helps most."""
    for reason, number in plan.hindrances().items():
        sentence = sentence_of(reason, spec.credential.declared)
        return NothingToDo(f"Nothing was started or spent: {number} pictures are left out. {sentence}", code=reason)
    busy, before = plan.count(UNDER_WAY), plan.count(DONE_BEFORE)
    if busy:
        return NothingToDo(f"All selected pictures are being made already ({busy}).", code=UNDER_WAY)
    if plan.count(IN_STORAGE):
        sentence = (
            f"Nothing was started or spent: {plan.count(IN_STORAGE)} pictures had this look before something else was "
            "put on their products. They lie in the storage: publish them again from the review page or with "
            "imagery_publish, which costs nothing, or ask for new ones (“fresh”)."
        )
        return NothingToDo(sentence, code=IN_STORAGE)
    if before:
        sentence = f"All selected pictures have this look already ({before}). Use those, or ask for new ones (“fresh”)."
        return NothingToDo(sentence, code=DONE_BEFORE)
    if plan.count(UNREADABLE):
        sentence = "None of the selected products can be read: the shop's own code fails on them. See the log."
        return NothingToDo(sentence, code=UNREADABLE)
    return NothingToDo("None of the selected products has a picture.", code="no_pictures")
