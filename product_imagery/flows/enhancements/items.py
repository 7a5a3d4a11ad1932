"""Items: a plan becomes rows, jobs and reservations; a large one batch by batch, each in a short transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.text import Truncator

from product_imagery.exceptions import StateError
from product_imagery.flows.enhancements.batching import batches
from product_imagery.flows.enhancements.plan import Plan, Work, done_before, make_plan
from product_imagery.flows.enhancements.specs import WorkSpec, spec_of_enhancement
from product_imagery.flows.jobs.rollup import update_status
from product_imagery.flows.money import budgets
from product_imagery.models import Enhancement, EnhancementItem, FurtherId, Preparation, ProviderCredential
from product_imagery.products import ProductImages, description_for

BATCH = 250  #: pictures in one transaction


class Overtaken(StateError):
    """Somebody else has made the same pictures at this very moment: plan again without them."""


def is_large(plan: Plan) -> bool:
    """Whether it is made ready by the workers, rather than in one transaction."""
    return len(plan.to_do) > BATCH


def name_of(description: ProductImages, object_id: str) -> str:
    """A product as JSON can have it for a key."""
    return f"{description.content_type().pk}:{object_id}"


def create_items(
    enhancement: Enhancement,
    plan: Plan,
    cost_each: Decimal,
    external_ids: Mapping[str, Sequence[str]],
    *,
    fresh: bool,
    at: datetime | None = None,
) -> None:
    """Write a plan down, in one transaction. Raises ``IntegrityError`` or ``Overtaken`` where others were faster."""
    creates = list(batches(plan.to_do, enhancement.credential))
    jobs = budgets.order(enhancement, [(enhancement.options, cost_each * len(create)) for create in creates], at)
    rows = [(job, work) for job, create in zip(jobs, creates, strict=True) for work in create]
    names = [external_ids.get(name_of(*work.product)) or [""] for _, work in rows]
    items = EnhancementItem.objects.bulk_create(
        (
            EnhancementItem(enhancement=enhancement, job=job, external_id=own[0], **_facts(work))
            for (job, work), own in zip(rows, names, strict=True)
        ),
        batch_size=BATCH,
    )
    further = [FurtherId(item=item, name=name) for item, own in zip(items, names, strict=True) for name in own[1:]]
    FurtherId.objects.bulk_create(further)
    if not fresh and done_before(plan.keys):
        raise Overtaken("Somebody else has made the same pictures meanwhile.")


def _facts(work: Work) -> dict[str, Any]:
    picture = work.picture
    return {
        "content_type": work.description.content_type(),
        "object_id": picture.object_id,
        "slot": picture.slot,
        "label": Truncator(picture.label).chars(200),
        "place": picture.place,
        "source_name": work.source_name,
        "source_url": picture.source_url,
        "target_name": picture.target_name,
        "work_key": work.key,
        "active_key": work.key,
    }


def freeze(
    enhancement: Enhancement, plan: Plan, spec: WorkSpec, external_ids: Mapping[str, Sequence[str]], **how: Any
) -> None:
    """Remember a large plan for the workers, with its whole cost reserved."""
    works = plan.to_do
    Preparation.objects.create(
        enhancement=enhancement,
        kind=Preparation.Kind.START,
        pictures=[[work.description.content_type().pk, work.picture.object_id, work.picture.slot] for work in works],
        external_ids=dict(external_ids),
        left=len(works),
        cost_each=spec.cost_each,
        reserved=spec.cost_each * len(works),
        **how,
    )


def make_batch(preparation: Preparation) -> None:
    """Make items of the next pictures. What the shop or somebody else has changed since is left out, and released."""
    enhancement, begin = preparation.enhancement, preparation.position
    some = preparation.pictures[begin : begin + BATCH]
    spec = spec_of_enhancement(enhancement)
    plan = make_plan(_chosen(some), spec, only=_named(some), **preparation.facts())
    left = max(0, len(preparation.pictures) - begin - len(some))
    cost = preparation.cost_each
    with transaction.atomic():
        if preparation.reserved:  # what is promised moves from here to the jobs: nobody is to count in between
            ProviderCredential.objects.lock(enhancement.credential_id)
        position = begin + len(some)
        if not Preparation.objects.advance(preparation, position=position, left=left, cost=cost * len(some)):
            return
        names = preparation.external_ids
        create_items(enhancement, plan, cost, names, fresh=preparation.fresh, at=preparation.created_at)
        note_omitted(enhancement.pk, {**plan.figures(), "gone": len(some) - len(plan.to_do) - len(plan.left_out)})
        if not left:
            Preparation.objects.filter(pk=preparation.pk).delete()
        update_status([enhancement.pk])


def note_omitted(enhancement: int, figures: Mapping[str, int]) -> None:
    """Add to how many pictures were left out, and why, under the enhancement's lock."""
    if not any(figures.values()):
        return
    row = Enhancement.objects.filter(pk=enhancement)
    row.update(omitted=F("omitted"))  # SQLite has no row locks: there the transaction itself is the lock
    omitted: dict[str, int] = dict(row.values_list("omitted", flat=True).get())
    for reason, number in figures.items():
        if number > 0:
            omitted[reason] = omitted.get(reason, 0) + number
    row.update(omitted=omitted)


def _chosen(pictures: Sequence[Any]) -> dict[ProductImages, list[Any]]:
    chosen: dict[ProductImages, dict[str, None]] = {}
    for content_type, object_id, _slot in pictures:
        chosen.setdefault(description_for(content_type), {})[object_id] = None
    return {description: list(keys) for description, keys in chosen.items()}


def _named(pictures: Sequence[Any]) -> set[tuple[ProductImages, str, str]]:
    return {(description_for(content_type), object_id, slot) for content_type, object_id, slot in pictures}
