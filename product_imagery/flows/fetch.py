"""Fetch: finished pictures go into our own storage first and into the database second."""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from product_imagery import files
from product_imagery.flows import review
from product_imagery.imaging.encode import FORMATS
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob, ResultImage
from product_imagery.provider_kit.contract import Picture


@dataclass(frozen=True)
class Stored:
    """A picture whose bytes are safe, under these names."""

    picture: Picture
    image: str
    thumbnail: str


def store(picture: Picture, folder: uuid.UUID) -> Stored:
    """Store a picture and its thumbnail. Names follow from the content, so a repetition finds what is there.

    Raises ``StorageError``.
    """
    names = []
    for kind, encoded in (("", picture.file), ("thumbnail-", picture.thumbnail)):
        name = files.result_name(folder, encoded["sha256"], FORMATS[encoded["format"]][1], kind)
        names.append(files.keep(files.results_storage(), name, Path(encoded["path"]), encoded["sha256"]))
    return Stored(picture, *names)


def write_down(job: ProviderJob, items: list[EnhancementItem], pictures: list[Stored]) -> None:
    """Create the results; where the enhancement asks for it they are approved at once."""
    by_pk = {item.pk: item for item in items}
    made = ResultImage.objects.bulk_create(_result(job, by_pk[stored.picture.item_id], stored) for stored in pictures)
    wanted = Enhancement.objects.filter(pk=job.enhancement_id, auto_approve=True, cancelled_at=None)
    if wanted.exists():  # asked again: somebody may have cancelled meanwhile
        # Several variants of one item cannot all stand on the product: the first one does.
        firsts = {result.item_id: result for result in reversed(made)}
        for result in firsts.values():
            review.approve(result, actor=job.enhancement.actor, publish=True)


def _result(job: ProviderJob, item: EnhancementItem, stored: Stored) -> ResultImage:
    encoded = stored.picture.file
    return ResultImage(
        item=item,
        job=job,
        image=stored.image,
        thumbnail=stored.thumbnail,
        format=encoded["format"],
        width=encoded["width"],
        height=encoded["height"],
        size=encoded["size"],
        sha256=encoded["sha256"],
        mark=stored.picture.mark,
        confidence=stored.picture.confidence,
        warnings=list(stored.picture.warnings),
        report=dict(stored.picture.report),
    )


def tidy(items: Iterable[EnhancementItem]) -> None:
    """Delete files of these ended items that no result names: left by a worker that died or came too late."""
    storage = files.results_storage()
    for item in items:
        rows = ResultImage.objects.filter(item=item).values_list("image", "thumbnail")
        known = {name for row in rows for name in row}
        folder = posixpath.dirname(files.result_name(item.uuid, "", ""))
        files.delete_quietly(storage, (name for name in files.listed(storage, folder) if name not in known))
