"""Plan: which of the chosen products' pictures are to be worked on, from which files, and why the others are not."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from django.utils.translation import gettext_lazy as _

from product_imagery.conf import get_settings
from product_imagery.exceptions import RequestError
from product_imagery.flows.enhancements.preconditions import NAME_TOO_LONG, RESULT_TOO_LARGE, check_target, hindered
from product_imagery.flows.enhancements.specs import WorkSpec
from product_imagery.flows.identity import Publications, fingerprint_of, work_key
from product_imagery.models import EnhancementItem, ImageVersion
from product_imagery.products import ProductImages, ProductPicture
from product_imagery.rows import portions
from product_imagery.states import ItemStatus, Review

_TOGETHER = 10_000  #: pictures looked up with as many queries as one
#: why nothing is made of a product
UNDER_WAY, DONE_BEFORE, NO_PICTURE, UNREADABLE = "under_way", "done_before", "no_picture", "unreadable"
IN_STORAGE = "in_storage"  #: it was published with this look once, and something else stands on the product now
#: the same in words, behind a number of pictures
LEFT_OUT = {
    UNDER_WAY: _("are being made already"),
    DONE_BEFORE: _("have this look already"),
    IN_STORAGE: _("had this look before something else was put there: publish it again from the review page, free"),
    NO_PICTURE: _("have no picture"),
    UNREADABLE: _("cannot be read: see the log"),
    RESULT_TOO_LARGE: _("would have results that are too large to be taken"),
    NAME_TOO_LONG: _("would have results whose names do not fit the product's field"),
    "gone": _("were gone before they could be prepared"),
    "cancelled": _("were cancelled before they were prepared"),
    "not_prepared": _("could not be prepared"),
}

#: products, by their descriptions: primary keys
Chosen: TypeAlias = Mapping[ProductImages, Sequence[Any]]


@dataclass(frozen=True)
class Work:
    """A picture of a product, the file that it is made from, and the digest of what is to be done with it."""

    description: ProductImages
    picture: ProductPicture
    source_name: str
    key: str

    @property
    def product(self) -> tuple[ProductImages, str]:
        """Whose picture it is."""
        return self.description, self.picture.object_id


@dataclass
class Plan:
    """What is to be done, and what is left out with its reason."""

    to_do: list[Work] = field(default_factory=list)
    left_out: list[tuple[Work, str]] = field(default_factory=list)
    products: set[tuple[ProductImages, str]] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    def count(self, reason: str) -> int:
        """How many pictures are left out for a reason."""
        return sum(why == reason for _, why in self.left_out)

    def figures(self) -> dict[str, int]:
        """How many pictures are left out for each reason."""
        return dict(Counter(why for _, why in self.left_out))

    def omitted(self, chosen: Chosen) -> dict[str, int]:
        """The same, with the products that have no picture."""
        bare = max(0, count_of(chosen) - len(self.products))
        return self.figures() | ({NO_PICTURE: bare} if bare else {})

    def hindrances(self) -> dict[str, int]:
        """How many pictures are left out because their results could not be taken, by the reason."""
        found = {reason: self.count(reason) for reason in (RESULT_TOO_LARGE, NAME_TOO_LONG)}
        return {reason: number for reason, number in found.items() if number}

    def left(self, chosen: Chosen) -> list[tuple[ProductImages, Any, str, str]]:
        """(description, key, reason, key of the work) of every product of which nothing is made."""
        busy = {work.product for work in self.to_do}
        found = {work.product: (why, work.key) for work, why in self.left_out}
        without = {(description, str(key)) for description, keys in chosen.items() for key in keys} - self.products
        found |= dict.fromkeys(without, (NO_PICTURE, ""))
        return [(*product, *why) for product, why in found.items() if product not in busy]


def make_plan(
    chosen: Chosen,
    spec: WorkSpec,
    *,
    fresh: bool,
    from_present: bool,
    only: Set[tuple[ProductImages, str, str]] | None = None,
) -> Plan:
    """Sort the pictures of the chosen products out, with as many queries for 10,000 as for one.

    ``fresh``: also what has this look already. ``from_present``: from what stands on the product, ours or not. Of the
    products ``only`` these pictures, by their slots, if given.
    Raises ``RequestError`` for a selection that is too large.
    """
    check_number(count_of(chosen), "products")
    plan = Plan()
    fingerprint = fingerprint_of(spec.credential.provider, spec.operation, spec.options, _mode(spec))
    for description, ids in chosen.items():
        pictures = (
            _placed(description, picture)
            for picture in description.list_pictures(ids)
            if only is None or (description, picture.object_id, picture.slot) in only
        )
        while some := list(islice(pictures, _TOGETHER)):
            plan.products |= {(description, picture.object_id) for picture in some}
            publications = Publications(picture.source_place for picture in some)
            works = [_work(description, picture, publications, fingerprint, from_present) for picture in some]
            _sort_out(works, plan, publications, fingerprint, fresh)
    _leave_out_hindered(plan, spec)
    check_number(len(plan.to_do), "pictures")
    return plan


def _leave_out_hindered(plan: Plan, spec: WorkSpec) -> None:
    """Nothing is bought whose result could not be taken. Raises ``RequestError``, ``StorageError``."""
    by_description: dict[ProductImages, list[Work]] = defaultdict(list)
    for work in plan.to_do:
        by_description[work.description].append(work)
    plan.to_do = []
    for description, works in by_description.items():
        if not (spec.is_test or spec.is_sandbox):
            check_target(description)
        pictures = [dataclasses.replace(work.picture, source_name=work.source_name) for work in works]
        reasons = hindered(description, pictures, spec)
        for work in works:
            reason = reasons.get((work.picture.object_id, work.picture.slot))
            if reason:
                plan.left_out.append((work, reason))
            else:
                plan.to_do.append(work)


def count_of(chosen: Chosen) -> int:
    """How many products are chosen."""
    return sum(len(ids) for ids in chosen.values())


def check_number(number: int, what: str) -> None:
    """Raise ``RequestError`` for more than the site allows."""
    most = get_settings().max_selection
    if number > most:
        raise RequestError(f"{number} {what} are selected; at most {most} go into one enhancement.")


def _mode(spec: WorkSpec) -> Any:
    return "sandbox" if spec.is_sandbox else spec.is_test


def _placed(description: ProductImages, picture: ProductPicture) -> ProductPicture:
    """A picture with its place, which a description that lists its pictures itself may not have given."""
    if picture.place:
        return picture
    place = description.place_of(picture.object_id, picture.slot)
    own_field = description.source_field == description.target_field
    return dataclasses.replace(picture, place=place, source_place=place if own_field else "")


def _work(
    description: ProductImages,
    picture: ProductPicture,
    publications: Publications,
    fingerprint: list[Any],
    from_present: bool,
) -> Work:
    present = picture.source_name
    source = present if from_present else publications.original(picture.source_place, present)
    return Work(description, picture, source, work_key(picture.place, source, fingerprint))


def _sort_out(works: list[Work], plan: Plan, publications: Publications, fingerprint: list[Any], fresh: bool) -> None:
    """Add pictures to the plan: what is under way, what was done before, what is to be done."""
    keys = [work.key for work in works]
    active, done = _under_way(keys), set() if fresh else done_before(keys)
    displaced = _displaced([work for work in works if work.key in done])
    for work in works:
        picture = work.picture
        if not picture.is_readable or _does_not_fit(work):
            plan.left_out.append((work, UNREADABLE))
        elif work.key in active or work.key in plan.keys:
            plan.left_out.append((work, UNDER_WAY))
        elif not fresh and (
            work.key in done
            or publications.is_result_of(picture.source_place, picture.source_name, fingerprint, picture.place)
        ):
            plan.left_out.append((work, IN_STORAGE if work.key in displaced else DONE_BEFORE))
        else:
            plan.keys.add(work.key)
            plan.to_do.append(work)


_KEY, _NAME = 64, 500  #: characters of keys and file names that an item holds


def _does_not_fit(work: Work) -> bool:
    """Names that are too long to be written down would stop all the others."""
    picture = work.picture
    keys, names = (picture.object_id, picture.slot), (work.source_name, picture.target_name)
    return max(map(len, keys)) > _KEY or max(map(len, names)) > _NAME


def _under_way(keys: Iterable[str]) -> set[str]:
    """Of these work keys, those that somebody is at."""
    items = EnhancementItem.objects.all()
    found: set[str] = set()
    for some in portions(list(keys), items.db):
        found |= {key for key in items.filter(active_key__in=some).values_list("active_key", flat=True) if key}
    return found


def _displaced(works: list[Work]) -> set[str]:
    """Keys of the works whose results were published, and of which none stands on its product now."""
    names: dict[str, set[str]] = defaultdict(set)
    versions = ImageVersion.objects.all()
    for some in portions([work.key for work in works], versions.db):
        published = versions.filter(result__item__work_key__in=some)
        for key, name in published.values_list("result__item__work_key", "after_name"):
            names[key].add(name)
    return {work.key for work in works if work.key in names and work.picture.target_name not in names[work.key]}


def done_before(keys: Iterable[str]) -> set[str]:
    """Of these work keys, those with a finished, unrejected result."""
    wanted = {"status": ItemStatus.COMPLETED, "results__review__in": (Review.PENDING, Review.APPROVED)}
    items = EnhancementItem.objects.filter(**wanted)
    found: set[str] = set()
    for some in portions(list(keys), items.db):
        found |= set(items.filter(work_key__in=some).values_list("work_key", flat=True))
    return found
