"""Plan: sort the pictures of the chosen products into those to be made, with their sources, and those left out.

More pictures than ``MAX_SELECTION`` are refused here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import ngettext_lazy

from product_imagery.conf import get_settings
from product_imagery.exceptions import RequestError, Skipped
from product_imagery.flows.enhancements.preconditions import NAME_TOO_LONG, RESULT_TOO_LARGE, check_target, hindered
from product_imagery.flows.enhancements.selection import Chosen
from product_imagery.flows.enhancements.specs import WorkSpec
from product_imagery.flows.identity import Publications, fingerprint_of, work_key
from product_imagery.models import EnhancementItem, ImageVersion
from product_imagery.products import ProductImages, ProductPicture
from product_imagery.rows import portions
from product_imagery.states import ItemStatus, Review

_TOGETHER = 10_000  #: pictures that are looked up with the same few queries
#: reasons for which a picture or product is left out
UNDER_WAY, DONE_BEFORE, NO_PICTURE, UNREADABLE = "under_way", "done_before", "no_picture", "unreadable"
IN_STORAGE = "in_storage"  #: this look was published once, and something else stands on the product now
#: sentences about the number of pictures, or of products, that are left out for a reason
LEFT_OUT: dict[str, Any] = {
    UNDER_WAY: ngettext_lazy(
        "%(number)s picture is being made already", "%(number)s pictures are being made already", "number"
    ),
    DONE_BEFORE: ngettext_lazy(
        "%(number)s picture has this look already", "%(number)s pictures have this look already", "number"
    ),
    IN_STORAGE: ngettext_lazy(
        "%(number)s picture had this look before something else was put there: publish it again from its review "
        "page, free",
        "%(number)s pictures had this look before something else was put there: publish them again from their review "
        "page, free",
        "number",
    ),
    NO_PICTURE: ngettext_lazy("%(number)s product has no picture", "%(number)s products have no picture", "number"),
    UNREADABLE: ngettext_lazy(
        "%(number)s picture cannot be read: see the log", "%(number)s pictures cannot be read: see the log", "number"
    ),
    RESULT_TOO_LARGE: ngettext_lazy(
        "%(number)s picture would have a result that is too large to be taken",
        "%(number)s pictures would have results that are too large to be taken",
        "number",
    ),
    NAME_TOO_LONG: ngettext_lazy(
        "%(number)s picture would have a result whose name does not fit the product's field",
        "%(number)s pictures would have results whose names do not fit the product's field",
        "number",
    ),
    "gone": ngettext_lazy(
        "%(number)s picture was gone before it could be prepared",
        "%(number)s pictures were gone before they could be prepared",
        "number",
    ),
    "cancelled": ngettext_lazy(
        "%(number)s picture was cancelled before it was prepared",
        "%(number)s pictures were cancelled before they were prepared",
        "number",
    ),
    "not_prepared": ngettext_lazy(
        "%(number)s picture could not be prepared", "%(number)s pictures could not be prepared", "number"
    ),
}
_TOO_MANY_PRODUCTS = ngettext_lazy(
    "%(number)s product is selected; at most %(most)s go into one enhancement.",
    "%(number)s products are selected; at most %(most)s go into one enhancement.",
    "number",
)
_TOO_MANY_PICTURES = ngettext_lazy(
    "%(number)s picture is selected; at most %(most)s go into one enhancement.",
    "%(number)s pictures are selected; at most %(most)s go into one enhancement.",
    "number",
)


@dataclass(frozen=True)
class Work:
    """A picture of a product, the file that the result is made from, and the identity of the work (``work_key``)."""

    description: ProductImages
    picture: ProductPicture
    source_name: str
    key: str

    @property
    def product(self) -> tuple[ProductImages, str]:
        """Description and primary key of the product."""
        return self.description, self.picture.object_id


@dataclass
class Plan:
    """Work to be done, and work that is left out, with the reasons.

    ``products`` are those that have a picture; ``keys`` identify the work to be done.
    """

    to_do: list[Work] = field(default_factory=list)
    left_out: list[tuple[Work, str]] = field(default_factory=list)
    products: set[tuple[ProductImages, str]] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    def count(self, reason: str) -> int:
        """Return how many pictures are left out for a reason."""
        return sum(why == reason for _, why in self.left_out)

    def figures(self) -> dict[str, int]:
        """Return how many pictures are left out, by reason."""
        return dict(Counter(why for _, why in self.left_out))

    def omitted(self, chosen: Chosen) -> dict[str, int]:
        """Return how many pictures are left out, by reason, and how many products have no picture."""
        bare = max(0, count_of(chosen) - len(self.products))
        return self.figures() | ({NO_PICTURE: bare} if bare else {})

    def names(self, chosen: Chosen) -> dict[str, list[list[Any]]]:
        """Return content type, product and slot of what is left out, by reason; no slot where there is no picture."""
        found: dict[str, list[list[Any]]] = defaultdict(list)
        for work, why in self.left_out:
            found[why].append([work.description.content_type().pk, work.picture.object_id, work.picture.slot])
        for description, keys in chosen.items():
            bare = [str(key) for key in keys if (description, str(key)) not in self.products]
            if bare:
                found[NO_PICTURE] += [[description.content_type().pk, key, ""] for key in bare]
        return dict(found)

    def hindrances(self) -> dict[str, int]:
        """Return how many pictures are left out because their results could not be used, by reason."""
        found = {reason: self.count(reason) for reason in (RESULT_TOO_LARGE, NAME_TOO_LONG)}
        return {reason: number for reason, number in found.items() if number}

    def skipped(self, chosen: Chosen) -> tuple[Skipped, ...]:
        """Return every product of which nothing is made."""
        busy = {work.product for work in self.to_do}
        found = {work.product: (why, work.key) for work, why in self.left_out}
        without = {(description, str(key)) for description, keys in chosen.items() for key in keys} - self.products
        found |= dict.fromkeys(without, (NO_PICTURE, ""))
        return tuple(Skipped(one.model, key, *why) for (one, key), why in found.items() if (one, key) not in busy)


def make_plan(
    chosen: Chosen,
    spec: WorkSpec,
    *,
    fresh: bool,
    from_present: bool,
    only: Set[tuple[ProductImages, str, str]] | None = None,
) -> Plan:
    """Sort the pictures of the chosen products, with the same number of queries for one as for 10,000.

    ``fresh``: include pictures that have this look already. ``from_present``: make results from what stands on the
    product, also when we published it. ``only``: these pictures, by description, product and slot. Raises
    ``RequestError`` for a selection that is too large, ``StorageError`` when results could not be published.

    Example, for one product whose field holds source and result, on three nights::

        field              original     work key                          sorted as
        photo.jpg          photo.jpg    of (photo.jpg, white)             to do; published as a-1.jpg
        a-1.jpg            photo.jpg    the same                          left out: done before
        new.jpg            new.jpg      of (new.jpg, white): another      to do
    """
    _check_number(count_of(chosen), _TOO_MANY_PRODUCTS)
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
    _check_number(len(plan.to_do), _TOO_MANY_PICTURES)
    return plan


def _leave_out_hindered(plan: Plan, spec: WorkSpec) -> None:
    """Leave out pictures whose results could not be used. Raises ``RequestError``, ``StorageError``."""
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
    """Return how many products are chosen."""
    return sum(len(ids) for ids in chosen.values())


def left_out_text(reason: str, number: int) -> str:
    """Return a sentence about the number of pictures, or of products, that are left out for a reason."""
    return str(LEFT_OUT[reason] % {"number": number}) if reason in LEFT_OUT else f"{number} {reason}"


def _check_number(number: int, sentence: Any) -> None:
    """Raise ``RequestError`` with a sentence for more than the site allows."""
    most = get_settings().max_selection
    if number > most:
        raise RequestError(sentence % {"number": number, "most": most})


def _mode(spec: WorkSpec) -> Any:
    return "sandbox" if spec.is_sandbox else spec.is_test


def _placed(description: ProductImages, picture: ProductPicture) -> ProductPicture:
    """Return a picture with its place, which a description that overrides ``list_pictures`` may leave out."""
    if picture.place:
        return picture
    place = description.place_of(picture.object_id, picture.slot)
    return dataclasses.replace(picture, place=place, source_place=place if description.is_in_place else "")


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
    """Add pictures to the plan: under way, done before, or to be done."""
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
    """Return true if a name is longer than its column: it would make the whole batch fail."""
    picture = work.picture
    keys, names = (picture.object_id, picture.slot), (work.source_name, picture.target_name)
    return max(map(len, keys)) > _KEY or max(map(len, names)) > _NAME


def _under_way(keys: Iterable[str]) -> set[str]:
    """Return those of the work keys for which an item is active."""
    items = EnhancementItem.objects.all()
    found: set[str] = set()
    for some in portions(list(keys), items.db):
        found |= {key for key in items.filter(active_key__in=some).values_list("active_key", flat=True) if key}
    return found


def _displaced(works: list[Work]) -> set[str]:
    """Return the keys of works that were published, and of which no result stands on its product now."""
    names: dict[str, set[str]] = defaultdict(set)
    versions = ImageVersion.objects.all()
    for some in portions([work.key for work in works], versions.db):
        published = versions.filter(result__item__work_key__in=some)
        for key, name in published.values_list("result__item__work_key", "after_name"):
            names[key].add(name)
    return {work.key for work in works if work.key in names and work.picture.target_name not in names[work.key]}


def whereabouts(plan: Plan, reason: str) -> list[tuple[int, int]]:
    """Return the enhancements that have pictures left out for this reason, newest first, with the number of those.

    ``reason`` is one for which there is work: ``UNDER_WAY``, ``DONE_BEFORE`` or ``IN_STORAGE``.
    """
    items = EnhancementItem.objects.exclude(active_key=None) if reason == UNDER_WAY else _with_result()
    latest: dict[str, int] = {}
    for some in portions([work.key for work, why in plan.left_out if why == reason], items.db):
        rows = items.filter(work_key__in=some).order_by("pk").values_list("work_key", "enhancement")
        latest |= dict(rows)
    return sorted(Counter(latest.values()).items(), reverse=True)


def done_before(keys: Iterable[str]) -> set[str]:
    """Return those of the work keys that have a finished result which is not rejected."""
    items = _with_result()
    found: set[str] = set()
    for some in portions(list(keys), items.db):
        found |= set(items.filter(work_key__in=some).values_list("work_key", flat=True))
    return found


def _with_result() -> QuerySet[EnhancementItem]:
    wanted = {"status": ItemStatus.COMPLETED, "results__review__in": (Review.PENDING, Review.APPROVED)}
    return EnhancementItem.objects.filter(**wanted)
