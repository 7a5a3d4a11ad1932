"""Fetch: download and check finished pictures, and store them. ``record`` writes their rows afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from django.core.files.storage import Storage
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError, StorageError, UnsafeAddress
from product_imagery.flows.results.fidelity import Comparison, NoSource
from product_imagery.flows.results.marketplace import checked
from product_imagery.flows.results.provenance import sign
from product_imagery.flows.results.uncollected import of_result
from product_imagery.imaging.encode import FORMATS
from product_imagery.imaging.metadata import SourceType
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.models import EnhancementItem, ProviderJob
from product_imagery.net import download
from product_imagery.net.connections import Connections
from product_imagery.provider_kit.outcomes import Finished, Picture, RemotePicture
from product_imagery.storage.names import result_name
from product_imagery.storage.store import copy_out, keep, results_storage
from product_imagery.storage.workspace import Place, Workspace

_TINY = 64  #: pixels; a result with a shorter side is marked as tiny
_DOWNLOADS = 4  #: at once, of one job
_WALL_SECONDS = 180.0  #: the longest download


@dataclass(frozen=True)
class Stored:
    """A picture in the storage of results, with the names of its files. ``original``: as the provider made it."""

    picture: Picture
    image: str
    thumbnail: str
    original: str = ""


@dataclass(frozen=True)
class Collected:
    """Pictures that were stored, and the errors of the others by the primary keys of their items."""

    pictures: list[Stored] = field(default_factory=list)
    bad: dict[int, ImageryError] = field(default_factory=dict)


@dataclass(frozen=True)
class Tools:
    """Resources of a worker for making and fetching pictures: imaging processes, connections, unfinished files."""

    pool: ImagingPool
    connections: Connections
    workspace: Workspace

    def close(self) -> None:
        """Stop the processes, close the connections, remove the files."""
        self.pool.close()
        self.connections.close()
        self.workspace.close()


def collect(
    outcome: Finished,
    job: ProviderJob,
    items: list[EnhancementItem],
    storages: Mapping[int, Storage],
    place: Place,
    tools: Tools,
) -> Collected:
    """Download, check and store the pictures of a finished job, several at once.

    They are judged by the rules of their enhancement, and compared with their sources, which are in ``storages`` by the
    primary keys of items. Never raises ``ImageryError``: the error of a picture that cannot be had is in
    ``Collected.bad``.
    """
    by_pk, collected = {item.pk: item for item in items}, Collected()
    provider, rules = job.provider, job.enhancement.rules

    def fetch(numbered: tuple[int, Picture | RemotePicture]) -> None:
        number, picture = numbered
        try:
            stored = _stored(picture, provider, by_pk[picture.item_id], place, number, tools)
            source = partial(_source, item=by_pk[picture.item_id], storages=storages, place=place, number=number)
            comparison = Comparison(job.enhancement, source, tools.pool)
            judged = comparison.of(checked(stored.picture, rules, tools.pool))
            collected.pictures.append(replace(stored, picture=judged))
        except ImageryError as error:
            url = picture.url if isinstance(picture, RemotePicture) else ""
            collected.bad[picture.item_id] = of_result(error, url, provider) if url else error

    if len(outcome.pictures) == 1:
        fetch((0, outcome.pictures[0]))
    else:
        with ThreadPoolExecutor(_DOWNLOADS) as threads:
            list(threads.map(fetch, enumerate(outcome.pictures)))
    return collected


def _source(pk: int, *, item: EnhancementItem, storages: Mapping[int, Storage], place: Place, number: int) -> Path:
    """Return a copy of an item's source as it was sent. Raises ``NoSource``, ``ImageryError``."""
    path = place.source(f"{pk}-of-{number}")
    digest = copy_out(storages[pk], item.source_name, path, get_settings().max_bytes)
    if item.source_digest and digest != item.source_digest:
        raise NoSource("source_changed")
    return path


def _stored(
    picture: Picture | RemotePicture, provider: str, item: EnhancementItem, place: Place, number: int, tools: Tools
) -> Stored:
    """Store one picture of a job. Raises ``ImageryError``."""
    try:
        if isinstance(picture, RemotePicture):
            return _downloaded(picture, provider, item, place, number, tools)
        return store(picture, item.uuid)
    except OSError as error:  # the disk is full, or the file in the making is gone
        raise StorageError(gettext("The picture could not be stored."), detail=repr(error)) from error


def check_host(host: str, provider: str) -> None:
    """Raise ``UnsafeAddress`` for a host that ``RESULT_HOSTS`` does not allow for the provider."""
    known = get_settings().result_hosts.get(provider)
    if known is not None and not any(host == one or host.endswith(f".{one}") for one in known):
        sentence = gettext(
            "The picture lies at %(host)s, which is none of the hosts that RESULT_HOSTS allows for %(provider)s."
        ) % {"host": host, "provider": provider}
        raise UnsafeAddress(sentence, code="foreign_host")


def _downloaded(
    remote: RemotePicture, provider: str, item: EnhancementItem, place: Place, number: int, tools: Tools
) -> Stored:
    """Download a picture, examine it in an imaging process, and store it beside the file that the provider made."""
    settings, source = get_settings(), place.result(number)
    limits = download.FetchLimits(most_bytes=settings.result_bytes, wall_seconds=_WALL_SECONDS)
    download.fetch(remote.url, source, limits, tools.connections, partial(check_host, provider=provider))
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
    """Store a picture, signed if the site does so, and its thumbnail, under names made of their digests.

    Repeated, it finds the same files, unless they are signed: a signature is never the same twice.

    Raises ``StorageError``.
    """
    picture, names = sign(picture), []
    for kind, encoded in (("", picture.file), ("thumbnail-", picture.thumbnail)):
        name = result_name(folder, encoded["sha256"], FORMATS[encoded["format"]][1], kind)
        names.append(keep(results_storage(), name, Path(encoded["path"]), encoded["sha256"]))
    return Stored(picture, *names)
