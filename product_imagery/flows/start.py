"""Start: a selection, a look and an account become an enhancement. Nothing is sent here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils.text import Truncator

from product_imagery import background
from product_imagery.conf import get_settings
from product_imagery.exceptions import NothingToDo, RequestError, StateError
from product_imagery.flows import ledger, pace
from product_imagery.flows.look import Look
from product_imagery.models import ApiKey, Enhancement, EnhancementItem
from product_imagery.products import ProductImages, ProductPicture
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import ItemStatus, Review

_BATCH = 500


@dataclass(frozen=True)
class Quote:
    """What pressing the button would do. ``cost`` is in ``currency``, ``seconds`` is wall clock on this machine."""

    pictures: int
    to_do: int
    under_way: int
    done_before: int
    without_picture: int
    cost: Decimal
    currency: str
    seconds: float


#: products, by their descriptions: primary keys
Chosen: TypeAlias = Mapping[ProductImages, Sequence[Any]]


@dataclass(frozen=True)
class _Work:
    """A picture of a product, and the digest of what is to be done with it."""

    description: ProductImages
    picture: ProductPicture
    key: str


@dataclass
class _Plan:
    to_do: list[_Work] = field(default_factory=list)
    under_way: int = 0
    done_before: int = 0
    products: int = 0


def quote(chosen: Chosen, look: Look, *, fresh: bool = False) -> Quote:
    """Count, cost and duration without doing anything. Raises ``RequestError`` for a selection that is too large."""
    plan = _plan(chosen, look, fresh)
    provider = get_provider(look.credential.provider)
    pictures = len(plan.to_do) + plan.under_way + plan.done_before
    seconds = pace.forecast_seconds(look.credential, look.operation, look.offer, len(plan.to_do))
    return Quote(
        pictures=pictures,
        to_do=len(plan.to_do),
        under_way=plan.under_way,
        done_before=plan.done_before,
        without_picture=max(0, _count(chosen) - plan.products),
        cost=look.cost_each * len(plan.to_do),
        currency=provider.currency,
        seconds=seconds,
    )


def start(
    chosen: Chosen,
    look: Look,
    *,
    door: str,
    actor: AbstractBaseUser | None = None,
    auto_approve: bool = False,
    fresh: bool = False,
    budget: Decimal | None = None,
    api_key: ApiKey | None = None,
    external_ids: Mapping[tuple[ProductImages, str], str] | None = None,
    webhook_url: str = "",
) -> Enhancement:
    """Freeze the selection and queue the work.

    Pictures that are under way with the same look are left out; so are those that have an unrejected result of it,
    unless ``fresh``. ``budget`` is the most that this enhancement may cost, ``external_ids`` what the caller calls its
    products (by description and primary key as text), ``webhook_url`` where its events go to.
    Raises ``NothingToDo`` when none is left, ``RequestError`` for a selection that is too large or too dear.
    """
    for _attempt in range(3):
        try:
            with transaction.atomic():
                plan = _plan(chosen, look, fresh)
                if not plan.to_do:
                    raise _nothing(plan)
                cost = look.cost_each
                ledger.allow(look.credential, cost * len(plan.to_do), budget, api_key)
                enhancement = Enhancement.objects.create(
                    operation=look.operation,
                    options=look.options,
                    preset=look.preset,
                    credential=look.credential,
                    actor=actor,  # type: ignore[misc]
                    door=door,
                    auto_approve=auto_approve,
                    api_key=api_key,
                    is_test=look.is_test,
                    webhook_url=webhook_url,
                )
                _create_items(enhancement, plan, cost, external_ids or {})
                background.wake()
                return enhancement
        except IntegrityError:
            continue  # somebody started the same pictures at this very moment: plan again without them
    raise StateError("Somebody else is starting the same pictures. Try again in a moment.")


def _count(chosen: Chosen) -> int:
    return sum(len(ids) for ids in chosen.values())


def _plan(chosen: Chosen, look: Look, fresh: bool) -> _Plan:
    _check_number(_count(chosen), "products")
    plan = _Plan()
    products: set[tuple[ProductImages, str]] = set()
    batch: list[_Work] = []
    for description, ids in chosen.items():
        for picture in description.list_pictures(ids):
            products.add((description, picture.object_id))
            batch.append(_Work(description, picture, _work_key(description.content_type().pk, picture, look)))
            if len(batch) == _BATCH:
                _sort_out(batch, plan, fresh)
                batch = []
    _sort_out(batch, plan, fresh)
    _check_number(len(plan.to_do), "pictures")
    plan.products = len(products)
    return plan


def _check_number(number: int, what: str) -> None:
    most = get_settings().max_selection
    if number > most:
        raise RequestError(f"{number} {what} are selected; at most {most} go into one enhancement.")


def _sort_out(batch: list[_Work], plan: _Plan, fresh: bool) -> None:
    """Add a batch of pictures to the plan: what is under way, what was done before, what is to be done."""
    active, done = _known_work([work.key for work in batch])
    for work in batch:
        if work.key in active:
            plan.under_way += 1
        elif work.key in done and not fresh:
            plan.done_before += 1
        else:
            plan.to_do.append(work)


def _known_work(keys: list[str]) -> tuple[set[str], set[str]]:
    """Of these work keys, those under way and those with a finished, unrejected result."""
    active = set(EnhancementItem.objects.filter(active_key__in=keys).values_list("active_key", flat=True))
    wanted = (Review.PENDING, Review.APPROVED)
    done = EnhancementItem.objects.filter(work_key__in=keys, status=ItemStatus.COMPLETED, results__review__in=wanted)
    return {key for key in active if key}, set(done.values_list("work_key", flat=True))


def _work_key(content_type_id: int, picture: ProductPicture, look: Look) -> str:
    """Digest of what makes two pieces of work the same: picture, source file, provider, operation, options."""
    parts = (content_type_id, picture.object_id, picture.slot, picture.source_name)
    work = [*parts, look.credential.provider, look.operation, sorted(look.options.items()), look.is_test]
    return hashlib.sha256(json.dumps(work).encode()).hexdigest()


def _create_items(
    enhancement: Enhancement,
    plan: _Plan,
    cost: Decimal,
    external_ids: Mapping[tuple[ProductImages, str], str],
) -> None:
    packets = list(pace.packets(plan.to_do, enhancement.credential))
    for begin in range(0, len(packets), _BATCH):
        some = packets[begin : begin + _BATCH]
        jobs = ledger.order(enhancement, [(enhancement.options, cost * len(packet)) for packet in some])
        batch = [(job, one) for job, packet in zip(jobs, some, strict=True) for one in packet]
        EnhancementItem.objects.bulk_create(
            EnhancementItem(
                enhancement=enhancement,
                job=job,
                content_type=work.description.content_type(),
                object_id=work.picture.object_id,
                slot=work.picture.slot,
                label=Truncator(work.picture.label).chars(200),
                source_name=work.picture.source_name,
                source_url=work.picture.source_url,
                target_name=work.picture.target_name,
                external_id=external_ids.get((work.description, work.picture.object_id), ""),
                work_key=work.key,
                active_key=work.key,
            )
            for job, work in batch
        )


def _nothing(plan: _Plan) -> NothingToDo:
    if plan.under_way:
        return NothingToDo(f"All {plan.under_way} pictures are being made already.", code="under_way")
    if plan.done_before:
        sentence = (
            f"All {plan.done_before} pictures have this look already. Ask for new ones (“fresh”) to make them again."
        )
        return NothingToDo(sentence, code="done_before")
    return NothingToDo("None of the selected products has a picture.", code="no_pictures")
