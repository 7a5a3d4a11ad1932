"""Identity of work: the picture, its original source, and what is done with it; not the file name of the moment.

A published picture becomes the source of the next look where a model has one field. Seen by its name it would be new,
bought again every night, and made from our own result. So each name is followed back through the publications:

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
from product_imagery.rows import portions


def work_key(place: str, source_name: str, spec: Iterable[Any]) -> str:
    """Digest of what makes two pieces of work the same: picture, original source file and work spec."""
    return hashlib.sha256(json.dumps([place, source_name, *spec]).encode()).hexdigest()


def spec_of(provider: str, operation: str, options: Mapping[str, Any], mode: Any) -> list[Any]:
    """What is done, as ``work_key`` takes it; ``mode`` tells trials from what is meant."""
    return [provider, operation, sorted(options.items()), mode]


@dataclass(frozen=True)
class Publication:
    """The first publication of a file: what stood there before, and the item that the file was made for."""

    before_name: str
    source_name: str | None
    work_key: str | None


class Publications:
    """What we have published at some places."""

    def __init__(self, places: Iterable[str]) -> None:
        self._first: dict[tuple[str, str], Publication] = {}
        everything = ImageVersion.objects.order_by("pk")
        for some in portions(sorted({place for place in places if place}), everything.db):
            versions = everything.filter(place__in=some)
            made_from = ("result__item__source_name", "result__item__work_key")
            for place, name, *facts in versions.values_list("place", "after_name", "before_name", *made_from):
                self._first.setdefault((place, name), Publication(*facts))

    def of(self, place: str, name: str) -> Publication | None:
        """The publication that put the file there; ``None`` for a file of the shop's own."""
        return self._first.get((place, name))

    def original(self, place: str, name: str) -> str:
        """The file that stood there before our first publication in the chain; ``name`` where it is not ours."""
        seen = {name}
        while (publication := self.of(place, name)) and publication.before_name not in ("", *seen):
            name = publication.before_name
            seen.add(name)
        return name

    def has_look(self, place: str, name: str, spec: list[Any], target: str) -> bool:
        """Whether what stands there is ours and was made for ``target`` as ``spec`` says."""
        made = self.of(place, name)
        return bool(made and made.source_name and made.work_key == work_key(target, made.source_name, spec))
