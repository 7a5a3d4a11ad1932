"""Identity of work: the picture, its original source and the work spec, not the current file name.

Where source and target are the same field, a published picture becomes the source of the next enhancement. By its name
it would be new: bought again every night, and made from our own result. So each name is followed back through the
publications, to the file that stood there before the first of them:

    photo.jpg  → white: published as a-1.jpg   → marble: published as a-2.jpg
    original: photo.jpg        original: photo.jpg             original: photo.jpg
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from product_imagery.models import ImageVersion
from product_imagery.provider_kit.registry import all_providers, get_offer
from product_imagery.rows import portions


def work_key(place: str, source_name: str, fingerprint: Iterable[Any]) -> str:
    """Return the identity of a piece of work: SHA-256 (hex) of picture, original source file and work spec.

    ``place`` names the picture, as table, column and row.
    """
    return hashlib.sha256(json.dumps([place, source_name, *fingerprint]).encode()).hexdigest()


def fingerprint_of(provider: str, operation: str, options: Mapping[str, Any], mode: Any) -> list[Any]:
    """Return what identifies a work spec, for ``work_key``: JSON values. ``mode`` keeps trials apart from real work.

    An option that an upgrade has ``added`` to the offer counts only when it is not at its default: what was finished
    before stays finished, and nothing is bought again for it.
    """
    provided = all_providers().get(provider)
    offer = get_offer(provided, operation) if provided and operation in provided.offers else None
    identifying = offer.identifying(options) if offer else options
    return [provider, operation, sorted(identifying.items()), mode]


spec_of = fingerprint_of  #: migration 0004 imports it by this name


@dataclass(frozen=True)
class Publication:
    """The first publication of a file: the file before it, and source file and work key of the item it was made for."""

    before_name: str
    source_name: str | None
    work_key: str | None


class Publications:
    """Everything that was published at some places. Reads the versions once, when it is made."""

    def __init__(self, places: Iterable[str]) -> None:
        self._first: dict[tuple[str, str], Publication] = {}
        everything = ImageVersion.objects.order_by("pk")
        for some in portions(sorted({place for place in places if place}), everything.db):
            versions = everything.filter(place__in=some)
            made_from = ("result__item__source_name", "result__item__work_key")
            for place, name, *facts in versions.values_list("place", "after_name", "before_name", *made_from):
                self._first.setdefault((place, name), Publication(*facts))

    def of(self, place: str, name: str) -> Publication | None:
        """Return the publication that put the file there; ``None`` for a file of the shop's own."""
        return self._first.get((place, name))

    def original(self, place: str, name: str) -> str:
        """Return the file before the first publication in the chain that led to ``name``.

        A file that was not published by us is its own original.
        """
        seen = {name}
        while (publication := self.of(place, name)) and publication.before_name not in ("", *seen):
            name = publication.before_name
            seen.add(name)
        return name

    def is_result_of(self, place: str, name: str, fingerprint: list[Any], target: str) -> bool:
        """Return true if the file there was published by us, and made for the place ``target`` by this work spec."""
        made = self.of(place, name)
        return bool(made and made.source_name and made.work_key == work_key(target, made.source_name, fingerprint))
