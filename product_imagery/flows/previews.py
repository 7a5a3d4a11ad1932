"""Small copies of pictures, and looks tried on one: made while a person waits for a page, never by a paid call.

Files are kept beside results. Their names tell what they were made from, so each is made once.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.core.files.storage import Storage
from django.db.models import FileField
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import EngineError, ImageryError, StorageError
from product_imagery.flows.enhancements.specs import WorkSpec
from product_imagery.flows.identity import Publications, fingerprint_of
from product_imagery.flows.results.fetch import check_host
from product_imagery.imaging.sandbox import ImagingPool, PoolLimits
from product_imagery.models import ProviderJob
from product_imagery.net import download
from product_imagery.products import ProductImages, ProductPicture
from product_imagery.provider_kit.contract import Job, JobInput, Operation
from product_imagery.provider_kit.driver import drive
from product_imagery.provider_kit.outcomes import Candidate, Finished, Picture, Refused
from product_imagery.provider_kit.registry import get_provider
from product_imagery.provider_kit.requests import Compute, Request
from product_imagery.sources import read_source
from product_imagery.storage import store
from product_imagery.storage.errors import as_storage_errors, reading
from product_imagery.storage.names import preview_name
from product_imagery.storage.scratch import TEMPORARY

SIDE = 320  #: pixels: of a copy in a list
LOOK_SIDE = 512  #: pixels: of a look that is tried, as it is shown
_TRIED_SIDE = 1024  #: pixels: of the copy on which a look is tried; a smaller one has rougher edges than the result
_QUALITY = 78
_WAIT, _WALL, _IDLE = 10.0, 30.0, 60.0  #: seconds: for other pictures, for one picture, until the process ends
_PLACES = 8  #: pictures that are made or wait at once: more than one browser asks for over HTTP/1.1
_REMOTE = download.FetchLimits(most_bytes=32 * 1024 * 1024, wall_seconds=10.0)  #: while a person waits for a page


class _Bench:
    """One imaging process beside a web process, started when it is needed and ended when it was idle for a while."""

    def __init__(self) -> None:
        self._places, self._turn = threading.BoundedSemaphore(_PLACES), threading.Lock()
        self._pool: ImagingPool | None = None
        self._end: threading.Timer | None = None

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take one of the places of those who make a picture. Raises ``EngineError`` (``busy``) if all are taken.

        Other pages of the web process need its threads, so a person who asks for many pictures does not get them all.
        """
        if not self._places.acquire(blocking=False):
            raise _busy()
        try:
            yield
        finally:
            self._places.release()

    def run(self, call: str, **arguments: Any) -> Any:
        """Run a function in the process. Raises what it raises, or ``EngineError`` if it is busy, dies or is slow."""
        if not self._turn.acquire(timeout=_WAIT):
            raise _busy()
        try:
            if self._end:
                self._end.cancel()
            memory = get_settings().memory_per_process
            limits = PoolLimits(processes=1, memory=memory, cpu_seconds=round(2 * _WALL), wall_seconds=_WALL)
            self._pool = self._pool or ImagingPool(limits)
            return self._pool.run(call, **arguments)
        finally:
            self._end = threading.Timer(_IDLE, self.close)
            self._end.daemon = True
            self._end.start()
            self._turn.release()

    def close(self) -> None:
        """End the process, unless it is at work: then it ends later."""
        if self._turn.acquire(blocking=False):
            pool, self._pool = self._pool, None
            self._turn.release()
            if pool:
                pool.close()


def _busy() -> EngineError:
    return EngineError(gettext("Other pictures are being made for this page. Try again in a moment."), code="busy")


_bench = _Bench()
_downloads = threading.Semaphore(2)  #: so that a slow server takes few threads of a web process


def close() -> None:
    """End the imaging process beside this web process, unless it is at work. The next picture starts another one."""
    _bench.close()


def small_copy(field: FileField, name: str, side: int = SIDE, digest: str = "") -> str:
    """Return the name, in the storage of results, of a small copy of the file ``name`` of an image field.

    Made on first use, and again when the file has changed. With the ``digest`` (SHA-256, hex) of the file that is meant
    it is a copy of that one, also after it is gone. Raises ``PictureError``, ``EngineError`` and ``StorageError``, with
    the code ``replaced`` when another file has the name.
    """
    kept = _kept("small", [digest, side] if digest else [str(field), name, *_state(field.storage, name), side])
    if _is_kept(kept):
        return kept
    with _bench.place(), _folder() as folder:
        found = store.copy_out(field.storage, name, folder / "source", get_settings().max_bytes)
        if digest and found != digest:
            raise StorageError(gettext("This file was replaced by another one since."), code="replaced")
        return _keep(kept, folder / "source", folder / "small", side)


def fetch_source(storage: Storage, name: str, url: str) -> None:
    """Store a source that was given by its address and that no worker has fetched. Raises what ``read_source`` does."""
    with _download() as folder:
        read_source(storage, name, folder / "source", url, _REMOTE.wall_seconds)


def copy_of_candidate(job: ProviderJob, candidate: Candidate) -> str:
    """Return the name, in the storage of results, of a small copy of what a provider made for a candidate of a job.

    Downloaded on first use, without any key. Raises ``FetchError``, ``UnsafeAddress``, ``PictureError``,
    ``EngineError``, ``StorageError``.
    """
    kept = _kept("candidates", [job.credential_id, candidate.remote_id, SIDE])
    if _is_kept(kept):
        return kept
    with _download() as folder:
        path = folder / "source"
        download.fetch(candidate.picture, path, _REMOTE, check_host=partial(check_host, provider=job.provider))
        return _keep(kept, path, folder / "small", SIDE)


@contextmanager
def _download() -> Iterator[Path]:
    """Return a folder for a file from elsewhere. Raises ``EngineError`` (``busy``) if other servers are slow."""
    with _bench.place(), _folder() as folder:
        if not _downloads.acquire(timeout=_WAIT):
            raise _busy()
        try:
            yield folder
        finally:
            _downloads.release()


def try_look(description: ProductImages, picture: ProductPicture, spec: WorkSpec) -> str:
    """Return the name, in the storage of results, of a small picture that shows a look on a picture of a product.

    Made on first use by the local engine, from a small copy of the original. Raises ``EngineError`` for a provider
    that does not compute here, and what ``small_copy`` raises.
    """
    if not spec.credential.declared.computes:
        raise EngineError(gettext("This look is made elsewhere and costs money, so it is not tried."), code="not_local")
    original = Publications([picture.source_place]).original(picture.source_place, picture.source_name)
    options = _small_options(spec)
    fingerprint = fingerprint_of(spec.credential.provider, spec.operation, options, "preview")
    source = [str(description.source_field), original, *_state(description.storage, original)]
    kept = _kept("looks", [*source, fingerprint])
    if _is_kept(kept):
        return kept
    with _bench.place(), _folder() as folder:
        read_source(description.storage, original, folder / "source", picture.source_url, _REMOTE.wall_seconds)
        side = LOOK_SIDE // 2 if spec.operation == Operation.UPSCALE else _TRIED_SIDE
        copy = _shrink(folder / "source", folder / "small", side)
        made = _make(spec, options, copy, folder)
        return _keep(kept, made, folder / "look", LOOK_SIDE)


@contextmanager
def _folder() -> Iterator[Path]:
    """Return a folder that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as name:
        yield Path(name)


def _small_options(spec: WorkSpec) -> dict[str, Any]:
    """Return the options of a work spec for one small picture."""
    small = {"size": min(int(spec.options.get("size") or _TRIED_SIDE), _TRIED_SIDE), "variants": 1}
    return spec.options | {name: value for name, value in small.items() if name in spec.options}


def _make(spec: WorkSpec, options: dict[str, Any], source: Path, folder: Path) -> Path:
    """Carry out the work on a file and return the path of the picture."""
    provider = get_provider(spec.credential.provider)()
    inputs = (JobInput(0, path=source),)
    job = Job("preview", Operation(spec.operation), options, inputs, folder, get_settings().provider_settings())
    outcome = drive(provider.submit(job), _respond)
    if isinstance(outcome, Refused):
        raise ImageryError(outcome.message, code=outcome.code, detail=outcome.detail)
    assert isinstance(outcome, Finished)
    picture = outcome.pictures[0]
    assert isinstance(picture, Picture)
    return Path(picture.file["path"])


def _respond(request: Request) -> Any:
    assert isinstance(request, Compute)
    return _bench.run(request.call, **request.arguments)


def _shrink(source: Path, stem: Path, side: int) -> Path:
    arguments = {"source": str(source), "stem": str(stem), "side": side, "quality": _QUALITY}
    made = _bench.run("product_imagery.imaging.shrink:shrink", limits=get_settings().bounds(), **arguments)
    return Path(made["path"])


def _keep(name: str, source: Path, stem: Path, side: int) -> str:
    """Store a small copy of ``source`` under ``name``. Another process may have stored the same just now."""
    path = _shrink(source, stem, side)
    return store.keep(store.results_storage(), name, path, hashlib.sha256(path.read_bytes()).hexdigest())


def _kept(kind: str, facts: list[Any]) -> str:
    digest = hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()
    return preview_name(kind, digest)


def _is_kept(name: str) -> bool:
    with as_storage_errors(gettext("The storage does not tell which files it has.")):
        return store.results_storage().exists(name)


def _state(storage: Storage, name: str) -> list[Any]:
    """Return facts that tell a file from another one under the same name. Raises ``StorageError``."""
    with reading():
        facts: list[Any] = [storage.size(name)]
        with suppress(NotImplementedError):
            facts.append(storage.get_modified_time(name))
    return facts
