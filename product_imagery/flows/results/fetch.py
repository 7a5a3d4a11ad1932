"""Fetch: finished pictures go into our own storage first and into the database second."""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError, StorageError, UnsafeAddress
from product_imagery.flows.results import review
from product_imagery.flows.results.uncollected import of_result
from product_imagery.imaging.encode import FORMATS
from product_imagery.imaging.metadata import SourceType
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob, ResultImage
from product_imagery.net import download
from product_imagery.net.connections import Connections
from product_imagery.provider_kit.conversation import Finished, Picture, RemotePicture
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import ACTIVE_ITEMS
from product_imagery.storage.names import result_name
from product_imagery.storage.store import delete_quietly, keep, listed, results_storage
from product_imagery.storage.workspace import Place, Workspace

_TINY = 64  #: pixels of a side
_DOWNLOADS = 4  #: of one batch at once
_WALL_SECONDS = 180.0  #: of one download


@dataclass(frozen=True)
class Stored:
    """A picture whose bytes are safe, under these names."""

    picture: Picture
    image: str
    thumbnail: str
    original: str = ""


@dataclass(frozen=True)
class Collected:
    """Pictures that are stored, and by item why others could not be had."""

    pictures: list[Stored] = field(default_factory=list)
    bad: dict[int, ImageryError] = field(default_factory=dict)


@dataclass(frozen=True)
class Tools:
    """What pictures are fetched and made with: imaging processes, open connections, room for files."""

    pool: ImagingPool
    connections: Connections
    workspace: Workspace

    def close(self) -> None:
        """End all of them."""
        self.pool.close()
        self.connections.close()
        self.workspace.close()


def collect(outcome: Finished, provider: str, items: list[EnhancementItem], place: Place, tools: Tools) -> Collected:
    """Download, check and store the pictures of a finished job, several at once."""
    by_pk, collected = {item.pk: item for item in items}, Collected()

    def fetch(numbered: tuple[int, Picture | RemotePicture]) -> None:
        number, picture = numbered
        try:
            collected.pictures.append(_had(picture, provider, by_pk[picture.item_id], place, number, tools))
        except ImageryError as error:
            url = picture.url if isinstance(picture, RemotePicture) else ""
            collected.bad[picture.item_id] = of_result(error, url, provider) if url else error

    if len(outcome.pictures) == 1:
        fetch((0, outcome.pictures[0]))
    else:
        with ThreadPoolExecutor(_DOWNLOADS) as threads:
            list(threads.map(fetch, enumerate(outcome.pictures)))
    return collected


def _had(
    picture: Picture | RemotePicture, provider: str, item: EnhancementItem, place: Place, number: int, tools: Tools
) -> Stored:
    try:
        if isinstance(picture, RemotePicture):
            return _take_over(picture, provider, item, place, number, tools)
        return store(picture, item.uuid)
    except OSError as error:  # the disk is full, or what was made there is gone
        raise StorageError("The picture could not be stored.", detail=repr(error)) from error


def _check_host(host: str, provider: str) -> None:
    known = get_settings().result_hosts.get(provider)
    if known is not None and not any(host == one or host.endswith(f".{one}") for one in known):
        sentence = f"The picture lies at {host}, which is none of the hosts that RESULT_HOSTS allows for {provider}."
        raise UnsafeAddress(sentence, code="foreign_host")


def _take_over(
    remote: RemotePicture, provider: str, item: EnhancementItem, place: Place, number: int, tools: Tools
) -> Stored:
    settings, source = get_settings(), place.result(number)
    limits = download.FetchLimits(most_bytes=settings.result_bytes, wall_seconds=_WALL_SECONDS)
    download.fetch(remote.url, source, limits, tools.connections, partial(_check_host, provider=provider))
    mark = SourceType.GENERATED_SCENE
    made = tools.pool.run(
        "product_imagery.imaging.ingest:ingest",
        source=str(source),
        stem=str(source),
        mark=mark,
        limits=settings.result_bounds(),
    )
    place.taken += [Path(made[one]["path"]) for one in ("file", "thumbnail")]
    digest = made["sha256"]
    signs = {
        "unchanged": digest == item.source_digest,
        "tiny": min(made["file"]["width"], made["file"]["height"]) < _TINY,
    }
    warnings = tuple(code for code, seen in signs.items() if seen)
    picture = Picture(
        remote.item_id,
        made["file"],
        made["thumbnail"],
        warnings=(*remote.warnings, *warnings),
        report=remote.report,
        mark=mark,
    )
    kept = store(picture, item.uuid)
    name = result_name(item.uuid, digest, made["suffix"] or ".bin", "original-")
    return replace(kept, original=keep(results_storage(), name, source, digest))


def store(picture: Picture, folder: uuid.UUID) -> Stored:
    """Store a picture and its thumbnail. Names follow from the content, so a repetition finds what is there.

    Raises ``StorageError``.
    """
    names = []
    for kind, encoded in (("", picture.file), ("thumbnail-", picture.thumbnail)):
        name = result_name(folder, encoded["sha256"], FORMATS[encoded["format"]][1], kind)
        names.append(keep(results_storage(), name, Path(encoded["path"]), encoded["sha256"]))
    return Stored(picture, *names)


def write_down(job: ProviderJob, items: list[EnhancementItem], pictures: list[Stored]) -> None:
    """Create the results; where the enhancement asks for it they are approved at once."""
    write_down_all([(job, items, pictures)])


def write_down_all(done: list[tuple[ProviderJob, list[EnhancementItem], list[Stored]]]) -> None:
    """The same for many jobs at once."""
    by_pk = {item.pk: item for _, items, _ in done for item in items}
    enhancements = Enhancement.objects.select_related("actor").in_bulk({job.enhancement_id for job, _, _ in done})
    made = ResultImage.objects.bulk_create(
        _result(job, by_pk[stored.picture.item_id], stored, enhancements[job.enhancement_id])
        for job, _, pictures in done
        for stored in pictures
    )
    approved = {
        pk: enhancement.actor
        for pk, enhancement in enhancements.items()
        if enhancement.auto_approve and not enhancement.cancelled_at
    }
    # Asked again: somebody may have cancelled meanwhile. Several variants of one item cannot all stand on the product:
    # the first one does that no person has to see before, unless one was chosen before.
    firsts = {result.item_id: result for result in reversed(made) if not result.publication_note}
    decided = (
        set(ResultImage.objects.filter(item__in=firsts).chosen().values_list("item", flat=True)) if approved else ()
    )
    for result in firsts.values():
        if result.item.enhancement_id in approved and result.item_id not in decided:
            publish = not enhancements[result.item.enhancement_id].is_trial
            review.approve(result, actor=approved[result.item.enhancement_id], publish=publish)


def _why_a_person_looks(picture: Picture, provider: str) -> str:
    """Why this picture is not published before a person has seen it, in a sentence, or nothing."""
    declared, floor = get_provider(provider), get_settings().review_below
    serious = [declared.warning_texts.get(code, code) for code in picture.warnings if code in declared.review_warnings]
    if serious:
        return f"It waits for a person before it is published: {' '.join(serious)}"
    if picture.confidence < floor:
        why = f"the confidence of {picture.confidence:.2f} is below REVIEW_BELOW ({floor:g})."
        return f"It waits for a person before it is published: {why}"
    return ""


def _result(job: ProviderJob, item: EnhancementItem, stored: Stored, enhancement: Enhancement) -> ResultImage:
    encoded = stored.picture.file
    return ResultImage(
        item=item,
        job=job,
        enhancement=enhancement,
        owner_id=enhancement.actor_id,
        is_test=enhancement.is_test,
        image=stored.image,
        thumbnail=stored.thumbnail,
        original=stored.original,
        format=encoded["format"],
        width=encoded["width"],
        height=encoded["height"],
        size=encoded["size"],
        sha256=encoded["sha256"],
        mark=stored.picture.mark,
        confidence=stored.picture.confidence,
        warnings=list(stored.picture.warnings),
        report=dict(stored.picture.report),
        publication_note=_why_a_person_looks(stored.picture, job.provider)[:500] if enhancement.auto_approve else "",
    )


def tidy(items: Iterable[EnhancementItem]) -> None:
    """Delete files of these ended items that no result names: left by a worker that died or came too late."""
    storage = results_storage()
    for item in items:
        if EnhancementItem.objects.filter(pk=item.pk, status__in=ACTIVE_ITEMS).exists():
            continue  # made again at this moment: a file may be stored and not yet written down
        rows = ResultImage.objects.filter(item=item).values_list("image", "thumbnail", "original")
        known = {name for row in rows for name in row}
        folder = posixpath.dirname(result_name(item.uuid, "", ""))
        delete_quietly(storage, (name for name in listed(storage, folder) if name not in known))
