"""Quote and enhance: turn a selection and a work spec into an enhancement. Nothing is sent to a provider here.

When two people start the same 100 pictures at once, they are bought once::

    person A                               person B
    plan: 100 to do                        plan: 100 to do
    create items and jobs, commit          the unique ``active_key`` of an item refuses: roll back
                                           plan: 100 under way, none to do: ``NothingToDo``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils.translation import gettext, ngettext

from product_imagery import background
from product_imagery.exceptions import NothingToDo, Skipped, StateError
from product_imagery.flows.enhancements.estimate import estimate_seconds
from product_imagery.flows.enhancements.items import Overtaken, create_items, freeze, is_large, name_of
from product_imagery.flows.enhancements.plan import (
    DONE_BEFORE,
    IN_STORAGE,
    UNDER_WAY,
    UNREADABLE,
    Plan,
    count_of,
    make_plan,
)
from product_imagery.flows.enhancements.preconditions import sentence_of
from product_imagery.flows.enhancements.selection import Chosen, Products, choose
from product_imagery.flows.enhancements.specs import WorkSpec, spec_of_request
from product_imagery.flows.money import budgets
from product_imagery.models import ApiKey, Enhancement, LeftOut, ProviderCredential
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


@dataclass(frozen=True)
class StartResult:
    """An accepted enhancement, and the products of which nothing is made."""

    enhancement: Enhancement
    skipped: tuple[Skipped, ...]


def quote(
    products: Products,
    spec: WorkSpec | None = None,
    *,
    preset: str = "",
    operation: str = "",
    options: Mapping[str, Any] | None = None,
    credential: ProviderCredential | str | None = None,
    fresh: bool = False,
    from_present: bool = False,
    unseen: int = 0,
) -> Quote:
    """Return count, cost and duration of what ``enhance`` would do with the same arguments; nothing is written.

    ``unseen`` pictures are added that are no products yet. Raises what ``enhance`` raises for the selection and the
    work, but neither ``NothingToDo`` nor anything about budgets.
    """
    spec, chosen = spec_of_request(spec, preset, operation, options, credential), choose(products)
    plan = make_plan(chosen, spec, fresh=fresh, from_present=from_present)
    return quote_of(plan, chosen, spec, unseen)


def quote_of(plan: Plan, chosen: Chosen, spec: WorkSpec, unseen: int = 0) -> Quote:
    """Return count, cost and duration of a plan for the chosen products, as ``quote`` does."""
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


def enhance(
    products: Products,
    spec: WorkSpec | None = None,
    *,
    preset: str = "",
    operation: str = "",
    options: Mapping[str, Any] | None = None,
    credential: ProviderCredential | str | None = None,
    fresh: bool = False,
    from_present: bool = False,
    auto_approve: bool = False,
    budget: Decimal | int | None = None,
    actor: AbstractBaseUser | None = None,
    channel: str = Enhancement.Channel.CODE,
    api_key: ApiKey | None = None,
    external_ids: Mapping[tuple[ProductImages, str], Sequence[str]] | None = None,
    webhook_url: str = "",
) -> StartResult:
    """Freeze the selection, reserve its cost and queue the work; workers do it later.

    The work is a ``preset`` or an ``operation``, with ``options`` and a ``credential`` (or its label), or a complete
    ``spec``. Pictures are left out that are under way with the same work, or have an unrejected result of it, unless
    ``fresh``. Work on a picture that we published starts from the original, or, with ``from_present``, from what
    stands on the product. ``budget`` is the most that it may cost. ``external_ids`` are the caller's own ids, by
    description and primary key as text; events also go to ``webhook_url``.

    Raises ``NothingToDo`` if no picture is left, ``StateError`` while others start the same ones, ``RequestError`` for
    a selection that is too large, work that is unknown or refused, and over a budget, ``RegistrationError``,
    ``StorageError`` if the results could not be stored.
    """
    spec, chosen = spec_of_request(spec, preset, operation, options, credential), choose(products)
    about: dict[str, Any] = {"channel": channel, "actor": actor, "auto_approve": auto_approve, "api_key": api_key}
    about |= {"webhook_url": webhook_url, "budget": None if budget is None else Decimal(budget)}
    names = {name_of(*product): name for product, name in (external_ids or {}).items()}
    return start(chosen, spec, about, names, fresh=fresh, from_present=from_present)


def start(
    chosen: Chosen,
    spec: WorkSpec,
    about: dict[str, Any],
    names: Mapping[str, Sequence[str]],
    *,
    only: Set[tuple[ProductImages, str, str]] | None = None,
    **how: bool,
) -> StartResult:
    """Start an enhancement with the columns ``about``, as ``enhance`` does.

    ``only``: these pictures of the products, as in ``make_plan``. ``names``: external ids. Raises what ``enhance``
    raises.
    """
    for _attempt in range(3):
        plan = make_plan(chosen, spec, only=only, fresh=how["fresh"], from_present=how["from_present"])
        skipped = plan.skipped(chosen)
        if not plan.to_do:
            raise _nothing(plan, spec, skipped)
        with suppress(IntegrityError, Overtaken):  # somebody else has just started the same ones: plan again
            return StartResult(_accept(plan, chosen, spec, about, names, how), skipped)
    raise StateError(gettext("Somebody else is starting the same pictures. Try again in a moment."))


@transaction.atomic
def _accept(
    plan: Plan,
    chosen: Chosen,
    spec: WorkSpec,
    about: dict[str, Any],
    names: Mapping[str, Sequence[str]],
    how: Mapping[str, bool],
) -> Enhancement:
    """Create the enhancement in one short transaction; the workers create the items of a large one later."""
    enhancement = _begin(plan, spec, {**about, "omitted": plan.omitted(chosen)})
    if left_out := plan.names(chosen):
        LeftOut.objects.create(enhancement=enhancement, pictures=left_out)
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
        rules=spec.preset.rules if spec.preset else "",
        fidelity=spec.preset.bounds().as_dict() if spec.preset else {},
        credential=spec.credential,
        is_test=spec.is_test,
        is_sandbox=spec.is_sandbox,
        **about,
    )


def _nothing(plan: Plan, spec: WorkSpec, skipped: tuple[Skipped, ...]) -> NothingToDo:
    sentence, code = _why_nothing(plan, spec)
    return NothingToDo(sentence, code=code, skipped=skipped)


def _why_nothing(plan: Plan, spec: WorkSpec) -> tuple[str, str]:
    """Return a sentence and a code for the reason that helps most."""
    for reason, number in plan.hindrances().items():
        sentence = sentence_of(reason, spec.credential.declared)
        text = ngettext(
            "Nothing was started or spent: %(number)s picture is left out. %(sentence)s",
            "Nothing was started or spent: %(number)s pictures are left out. %(sentence)s",
            number,
        )
        return text % {"number": number, "sentence": sentence}, reason
    busy, before = plan.count(UNDER_WAY), plan.count(DONE_BEFORE)
    if busy:
        return gettext("All selected pictures are being made already (%(busy)s).") % {"busy": busy}, UNDER_WAY
    if plan.count(IN_STORAGE):
        sentence = ngettext(
            "Nothing was started or spent: %(number)s picture had this look before something else was put on its "
            "product. It lies in the storage: publish it again from the review page or with imagery_publish, which "
            "costs nothing, or ask for a new one (“fresh”).",
            "Nothing was started or spent: %(number)s pictures had this look before something else was put on "
            "their products. They lie in the storage: publish them again from the review page or with "
            "imagery_publish, which costs nothing, or ask for new ones (“fresh”).",
            plan.count(IN_STORAGE),
        ) % {"number": plan.count(IN_STORAGE)}
        return sentence, IN_STORAGE
    if before:
        sentence = gettext(
            "All selected pictures have this look already (%(before)s). Use those, or ask for new ones (“fresh”)."
        ) % {"before": before}
        return sentence, DONE_BEFORE
    if plan.count(UNREADABLE):
        sentence = gettext("None of the selected products can be read: the shop's own code fails on them. See the log.")
        return sentence, UNREADABLE
    return gettext("None of the selected products has a picture."), "no_pictures"
