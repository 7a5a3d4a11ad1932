"""Audit: the pictures that stand on products, judged by the rules of a marketplace. Nothing is changed or spent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError
from product_imagery.models import AuditedPicture
from product_imagery.products import ProductImages, ProductPicture
from product_imagery.rules.check import Checker
from product_imagery.rules.judge import Finding, Level, worst
from product_imagery.rules.packs import Pack
from product_imagery.storage.scratch import TEMPORARY
from product_imagery.storage.store import copy_out

_PORTION = 100  #: products whose pictures are read together


@dataclass(frozen=True)
class Audited:
    """The picture on a product, the name of its file, and the findings of a pack."""

    picture: ProductPicture
    file: str
    pack: Pack
    findings: list[Finding]

    @property
    def level(self) -> Level:
        """Worst level of the findings."""
        return worst(self.findings)

    def at(self, level: Level) -> list[Finding]:
        """Return the findings at this level."""
        return [finding for finding in self.findings if finding.level == level]


def audit(
    description: ProductImages,
    ids: Iterable[Any],
    packs: tuple[Pack, ...],
    checker: Checker,
    *,
    every: bool = False,
) -> Iterator[Audited]:
    """Yield the findings for the first picture of each product, or for ``every`` one, in the order of ``ids``.

    Judged is what a customer sees: the published picture, else the source. Memory does not grow with the number of
    products. A file that cannot be read counts as refused.
    """
    left = iter(ids)
    with ThreadPoolExecutor(checker.pool.limits.processes) as threads:
        while portion := list(islice(left, _PORTION)):
            pictures = description.list_pictures(portion)
            chosen = pictures if every else _first(description, portion, pictures)
            for found in threads.map(partial(_examined, description, packs, checker), chosen):
                yield from found


def stored(description: ProductImages, packs: tuple[Pack, ...], found: Iterable[Audited]) -> Iterator[Audited]:
    """Pass the results of a whole audit on, and keep those that are refused or not advised for the admin.

    When all have been read, what earlier audits kept for these packs is forgotten. An audit that is broken off forgets
    nothing.
    """
    begun, content_type, left = timezone.now(), description.content_type(), iter(found)
    while portion := list(islice(left, _PORTION)):
        rows = [_row(one, content_type, begun) for one in portion if one.level != Level.PASS]
        names = ["label", "file", "is_published", "level", "findings", "checked_at"]
        identity = ["content_type", "object_id", "slot", "pack"]
        AuditedPicture.objects.bulk_create(rows, update_conflicts=True, update_fields=names, unique_fields=identity)
        yield from portion
    judged = AuditedPicture.objects.filter(content_type=content_type, pack__in=[pack.name for pack in packs])
    judged.filter(checked_at__lt=begun).delete()


def _row(one: Audited, content_type: ContentType, now: datetime) -> AuditedPicture:
    findings = [finding.as_dict() for finding in (*one.at(Level.FAIL), *one.at(Level.WARN))]
    return AuditedPicture(
        content_type=content_type,
        object_id=one.picture.object_id,
        slot=one.picture.slot,
        label=one.picture.label,
        file=one.file,
        is_published=bool(one.picture.target_name),
        pack=one.pack.name,
        level=one.level.value,
        findings=findings,
        checked_at=now,
    )


def _first(
    description: ProductImages, ids: Sequence[Any], pictures: Iterable[ProductPicture]
) -> Iterator[ProductPicture]:
    """Yield of each product the picture that is its cover, or the first one if none is marked."""
    covers, firsts = description.cover_slots(ids), dict[str, ProductPicture]()
    for picture in pictures:
        if picture.slot in covers or picture.object_id not in firsts:
            firsts[picture.object_id] = picture
    yield from firsts.values()


def _examined(
    description: ProductImages, packs: tuple[Pack, ...], checker: Checker, picture: ProductPicture
) -> list[Audited]:
    is_published = bool(picture.target_name)
    storage = description.target_storage if is_published else description.storage
    name = picture.target_name or picture.source_name
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as folder:
        path = Path(folder, "picture")
        try:
            copy_out(storage, name, path, get_settings().max_bytes)
            found = checker.check_all(path, packs, name=PurePath(name).name)
        except ImageryError as error:
            found = {pack.name: [Finding("readable", Level.FAIL, error.message)] for pack in packs}
    return [Audited(picture, name, pack, found[pack.name]) for pack in packs]
