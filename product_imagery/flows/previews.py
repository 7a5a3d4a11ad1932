"""Small copies of pictures, and looks tried on one: made while a person waits for a page, never by a paid call.

Files are kept beside results. Their names tell what they were made from, so each is made once.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import tempfile
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.core.files.storage import Storage
from django.db.models import FileField
from django.utils.translation import gettext, gettext_noop

from product_imagery.conf import get_settings
from product_imagery.exceptions import EngineError, ImageryError
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
from product_imagery.storage.scratch import TEMPORARY

SIDE = 320  #: pixels: of a copy in a list
LOOK_SIDE = 512  #: pixels: of a look that is tried, as it is shown
_TRIED_SIDE = 1024  #: pixels: of the copy on which a look is tried; a smaller one has rougher edges than the result
_QUALITY = 78
_BUSY = gettext_noop("Other pictures are being made for this page. Try again in a moment.")
_WAIT, _WALL, _IDLE = 20.0, 30.0, 60.0  #: seconds: for other pictures, for one picture, until the process ends
_REMOTE = download.FetchLimits(most_bytes=32 * 1024 * 1024, wall_seconds=10.0)  #: while a person waits for a page


class _Bench:
    """One imaging process beside a web process, started when it is needed and ended when it was idle for a while."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._pool: ImagingPool | None = None
        self._end: threading.Timer | None = None

    def run(self, call: str, **arguments: Any) -> Any:
        """Run a function in the process. Raises what it raises, or ``EngineError`` if it is busy, dies or is slow."""
        if not self._turn.acquire(timeout=_WAIT):
            raise EngineError(gettext(_BUSY), code="busy")
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


_bench = _Bench()
_downloads = threading.Semaphore(2)  #: so that a slow server takes few threads of a web process


def close() -> None:
    """End the imaging process beside this web process, unless it is at work. The next picture starts another one."""
    _bench.close()


def small_copy(field: FileField, name: str, side: int = SIDE) -> str:
    """Return the name, in the storage of results, of a small copy of the file ``name`` of an image field.

    Made on first use, and again when the file has changed. Raises ``StorageError``, ``PictureError``, ``EngineError``.
    """
    kept = _kept("small", [str(field), name, *_state(field.storage, name), side])
    if _is_kept(kept):
        return kept
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as folder:
        path = Path(folder, "source")
        store.copy_out(field.storage, name, path, get_settings().max_bytes)
        return _keep(kept, path, Path(folder, "small"), side)


def copy_of_candidate(job: ProviderJob, candidate: Candidate) -> str:
    """Return the name, in the storage of results, of a small copy of what a provider made for a candidate of a job.

    Downloaded on first use, without any key. Raises ``FetchError``, ``UnsafeAddress``, ``PictureError``,
    ``EngineError``, ``StorageError``.
    """
    kept = _kept("candidates", [job.credential_id, candidate.remote_id, SIDE])
    if _is_kept(kept):
        return kept
    if not _downloads.acquire(timeout=_WAIT):
        raise EngineError(gettext(_BUSY), code="busy")
    try:
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as folder:
            path = Path(folder, "source")
            download.fetch(candidate.picture, path, _REMOTE, check_host=partial(check_host, provider=job.provider))
            return _keep(kept, path, Path(folder, "small"), SIDE)
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
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        read_source(description.storage, original, folder / "source", picture.source_url)
        side = LOOK_SIDE // 2 if spec.operation == Operation.UPSCALE else _TRIED_SIDE
        copy = _shrink(folder / "source", folder / "small", side)
        made = _make(spec, options, copy, folder)
        return _keep(kept, made, folder / "look", LOOK_SIDE)


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
    return posixpath.join(get_settings().folder, "previews", kind, digest[:2], f"{digest[:32]}.webp")


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
