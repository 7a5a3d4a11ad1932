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
#: why nothing is made of a product
UNDER_WAY, DONE_BEFORE, NO_PICTURE = "under_way", "done_before", "no_picture"


@dataclass(frozen=True)
class Quote:
    """What pressing the button would do. ``cost`` is in ``currency``, ``seconds`` is wall clock on this machine.

    ``is_sandbox``: it is tried out, for nothing, and nothing is put on the products.
    """

    pictures: int
    to_do: int
    under_way: int
    done_before: int
    without_picture: int
    cost: Decimal
    currency: str
    seconds: float
    is_sandbox: bool = False


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
    left_out: list[tuple[_Work, str]] = field(default_factory=list)
    products: set[tuple[ProductImages, str]] = field(default_factory=set)

    def count(self, reason: str) -> int:
        """How many pictures are left out for a reason."""
        return sum(why == reason for _, why in self.left_out)

    def left(self, chosen: Chosen) -> list[tuple[ProductImages, Any, str]]:
        """(description, key, reason) of every product of which nothing is made."""
        busy = {(work.description, work.picture.object_id) for work in self.to_do}
        found = {(work.description, work.picture.object_id): why for work, why in self.left_out}
        without = {(description, str(key)) for description, keys in chosen.items() for key in keys} - self.products
        found |= dict.fromkeys(without, NO_PICTURE)
        return [(*product, why) for product, why in found.items() if product not in busy]


def quote(chosen: Chosen, look: Look, *, fresh: bool = False, unseen: int = 0) -> Quote:
    """Count, cost and duration without doing anything; ``unseen`` pictures more are no product yet.

    Raises ``RequestError`` for a selection that is too large.
    """
    plan = _plan(chosen, look, fresh)
    provider = get_provider(look.credential.provider)
    to_do = len(plan.to_do) + unseen
    seconds = pace.forecast_seconds(look.credential, look.operation, look.offer, to_do)
    return Quote(
        pictures=to_do + len(plan.left_out),
        to_do=to_do,
        under_way=plan.count(UNDER_WAY),
        done_before=plan.count(DONE_BEFORE),
        without_picture=max(0, _count(chosen) - len(plan.products)),
        cost=look.cost_each * to_do,
        currency=provider.currency,
        seconds=seconds,
        is_sandbox=look.is_sandbox,
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
    The ``left_out`` of what comes back names the products of which nothing is made.
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
                    is_sandbox=look.is_sandbox,
                    webhook_url=webhook_url,
                    budget=budget,
                )
                enhancement.left_out = plan.left(chosen)
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
    batch: list[_Work] = []
    for description, ids in chosen.items():
        for picture in description.list_pictures(ids):
            plan.products.add((description, picture.object_id))
            batch.append(_Work(description, picture, _work_key(description.content_type().pk, picture, look)))
            if len(batch) == _BATCH:
                _sort_out(batch, plan, fresh)
                batch = []
    _sort_out(batch, plan, fresh)
    _check_number(len(plan.to_do), "pictures")
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
            plan.left_out.append((work, UNDER_WAY))
        elif work.key in done and not fresh:
            plan.left_out.append((work, DONE_BEFORE))
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
    work = [*parts, look.credential.provider, look.operation, sorted(look.options.items())]
    work.append("sandbox" if look.is_sandbox else look.is_test)
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
    busy, before = plan.count(UNDER_WAY), plan.count(DONE_BEFORE)
    if busy:
        return NothingToDo(f"All {busy} pictures are being made already.", code=UNDER_WAY)
    if before:
        sentence = f"All {before} pictures have this look already. Ask for new ones (“fresh”) to make them again."
        return NothingToDo(sentence, code=DONE_BEFORE)
    return NothingToDo("None of the selected products has a picture.", code="no_pictures")
