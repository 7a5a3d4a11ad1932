"""Items: turn a plan into items, jobs and reservations; a large plan in batches, each in a short transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.text import Truncator
from django.utils.translation import gettext

from product_imagery.exceptions import StateError
from product_imagery.flows.enhancements.batching import batches
from product_imagery.flows.enhancements.plan import Plan, Work, done_before, make_plan
from product_imagery.flows.enhancements.specs import WorkSpec, spec_of_enhancement
from product_imagery.flows.jobs.rollup import update_status
from product_imagery.flows.money import budgets
from product_imagery.models import Enhancement, EnhancementItem, FurtherId, LeftOut, Preparation, ProviderCredential
from product_imagery.products import ProductImages, description_for

_NONE: Mapping[str, int] = MappingProxyType({})
BATCH = 250  #: pictures in one transaction


class Overtaken(StateError):
    """Somebody else has just finished the same pictures: plan again without them."""


def is_large(plan: Plan) -> bool:
    """Return true if the workers have to prepare the plan in batches, rather than one transaction."""
    return len(plan.to_do) > BATCH


def name_of(description: ProductImages, object_id: str) -> str:
    """Return a key for a product that JSON can hold."""
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
    """Create the items, jobs and reservations of a plan. To be called in a transaction.

    ``at``: when the cost was reserved, if earlier. Raises ``IntegrityError`` or ``Overtaken`` when others were faster.
    """
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
        raise Overtaken(gettext("Somebody else has made the same pictures meanwhile."))


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
    """Store a large plan for the workers, and reserve its whole cost."""
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
    """Create items for the next pictures of a stored plan; move the position and the reservation past them.

    Pictures that are gone, or were made by others meanwhile, are left out, and their share of the reservation is freed.
    Does nothing when another worker was faster.
    """
    enhancement, begin = preparation.enhancement, preparation.position
    some = preparation.pictures[begin : begin + BATCH]
    spec = spec_of_enhancement(enhancement)
    plan = make_plan(_chosen(some), spec, only=_named(some), **preparation.facts())
    left = max(0, len(preparation.pictures) - begin - len(some))
    cost = preparation.cost_each
    with transaction.atomic():
        if preparation.reserved:  # the reservation moves from here to the jobs: no budget may be checked in between
            ProviderCredential.objects.lock(enhancement.credential_id)
        position = begin + len(some)
        if not Preparation.objects.advance(preparation, position=position, left=left, cost=cost * len(some)):
            return
        names = preparation.external_ids
        create_items(enhancement, plan, cost, names, fresh=preparation.fresh, at=preparation.created_at)
        note_omitted(enhancement.pk, {**plan.names({}), "gone": _gone(some, plan)})
        if not left:
            Preparation.objects.filter(pk=preparation.pk).delete()
        update_status([enhancement.pk])


def note_omitted(enhancement: int, pictures: Mapping[str, Sequence[Any]], unnamed: Mapping[str, int] = _NONE) -> None:
    """Add pictures that were left out, by reason, to those of an enhancement; ``unnamed``: further ones by number."""
    figures = Counter({reason: len(names) for reason, names in pictures.items()})
    figures.update(unnamed)
    if not any(figures.values()):
        return
    row = Enhancement.objects.filter(pk=enhancement)
    row.update(omitted=F("omitted"))  # locks the row; on SQLite, the database
    omitted: dict[str, int] = dict(row.values_list("omitted", flat=True).get())
    for reason, number in figures.items():
        if number > 0:
            omitted[reason] = omitted.get(reason, 0) + number
    row.update(omitted=omitted)
    left_out = LeftOut.objects.filter(pk=enhancement).first() or LeftOut(enhancement_id=enhancement)
    left_out.add(pictures)
    left_out.save()


def _gone(pictures: Sequence[Any], plan: Plan) -> list[Any]:
    """Return those of the pictures of which the plan knows nothing."""
    works = [*plan.to_do, *(work for work, _why in plan.left_out)]
    found = {(work.description.content_type().pk, work.picture.object_id, work.picture.slot) for work in works}
    return [picture for picture in pictures if tuple(picture) not in found]


def _chosen(pictures: Sequence[Any]) -> dict[ProductImages, list[Any]]:
    chosen: dict[ProductImages, dict[str, None]] = {}
    for content_type, object_id, _slot in pictures:
        chosen.setdefault(description_for(content_type), {})[object_id] = None
    return {description: list(keys) for description, keys in chosen.items()}


def _named(pictures: Sequence[Any]) -> set[tuple[ProductImages, str, str]]:
    return {(description_for(content_type), object_id, slot) for content_type, object_id, slot in pictures}
