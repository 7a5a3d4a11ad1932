"""Storing files: names that carry id and content, nothing ever overwritten, no half file ever visible."""

from __future__ import annotations

import hashlib
import itertools
import os
import posixpath
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages

from product_imagery.conf import get_settings
from product_imagery.exceptions import StorageError
from product_imagery.storage_errors import as_storage_errors, reading, temporary_files

_CHUNK = 1024 * 1024
TEMPORARY = "product-imagery-"  #: prefix of our folders in the system's temporary directory
_SCRATCH = ".product_imagery-tmp"  #: folder beside the files of a file system storage, for files in the making


def results_storage() -> Storage:
    """The storage of results and thumbnails. A callable for model fields, so that no migration freezes it."""
    storage: Storage = storages[get_settings().storage]
    return storage


def beside_results(folder: uuid.UUID, filename: str) -> str:
    """Name of a file in the folder of an item's results."""
    return posixpath.join(get_settings().folder, "results", str(folder), filename)


def beside_upload(upload: uuid.UUID, filename: str) -> str:
    """Name of a file in the folder of a picture that came through the API."""
    return posixpath.join(get_settings().folder, "uploads", str(upload), filename)


def result_name(folder: uuid.UUID, sha256: str, suffix: str, kind: str = "") -> str:
    """Name of a result file: one folder for each item, the content's digest in the name."""
    return beside_results(folder, f"{kind}{sha256[:24]}{suffix}")


def keep(storage: Storage, name: str, path: Path, sha256: str) -> str:
    """Store the file at ``path`` and return the name it got; the same content under the same name is stored once.

    Raises ``StorageError`` when the storage fails or does not hold all of it afterwards.
    """
    with as_storage_errors("The picture could not be stored."):
        if _linked(storage, name, path):
            return name
        if storage.exists(name):
            if digest(storage, name) == sha256:
                return name
            name = storage.get_available_name(name)
        whole = path.stat().st_size
        stored = _save(storage, name, path)
        size = storage.size(stored)
        if size != whole:
            storage.delete(stored)
            detail = f"{stored}: {size} of {whole} bytes"
            raise StorageError("The storage kept only a part of the picture.", detail=detail)
    return stored


def _save(storage: Storage, name: str, path: Path) -> str:
    if not isinstance(storage, FileSystemStorage):
        with path.open("rb") as handle:
            return storage.save(name, File(handle, name))
    # A file system storage writes into the final name, where a kill leaves half a file; a rename cannot.
    scratch = _scratch_of(storage)
    scratch.mkdir(parents=True, exist_ok=True)
    ready = scratch / f"{os.getpid()}-{uuid.uuid4().hex}"
    try:
        shutil.copyfile(path, ready)
        with _ReadyFile(ready, name) as content:
            return storage.save(name, content)
    finally:
        ready.unlink(missing_ok=True)


def _linked(storage: Storage, name: str, path: Path) -> bool:
    """On an ordinary disk a file of a ``Workspace`` gets its name there: at once and whole, and never over another."""
    if not _is_ordinary(storage) or _scratch_of(storage) not in path.parents:
        return False
    target = storage.path(name)
    try:
        if storage.file_permissions_mode is not None:
            os.chmod(path, storage.file_permissions_mode)
        try:
            os.link(path, target)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.link(path, target)
    except OSError:  # the name is taken, or it is a disk without links
        return False
    return True


def _is_ordinary(storage: Storage) -> TypeGuard[FileSystemStorage]:
    """A disk where a file that is complete may get its name by a link, with nothing else to be done."""
    return type(storage) is FileSystemStorage and storage.directory_permissions_mode is None


def _scratch_of(storage: FileSystemStorage) -> Path:
    return Path(storage.location) / _SCRATCH


class _ReadyFile(File):  # type: ignore[type-arg]
    """A finished file on the storage's own volume, which Django moves instead of copying."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path.open("rb"), name)
        self._path = path

    def temporary_file_path(self) -> str:
        """What makes ``FileSystemStorage`` rename instead of write."""
        return str(self._path)


def pieces(storage: Storage, name: str) -> Iterator[bytes]:
    """A stored file, piece by piece. Raises ``StorageError``, with the code ``missing`` when it is not there."""
    with reading(), storage.open(name, "rb") as handle:
        yield from _pieces(handle)


def digest(storage: Storage, name: str) -> str:
    """SHA-256 (hex) of a stored file. Raises ``StorageError``, with the code ``missing`` when it is not there."""
    found = hashlib.sha256()
    for piece in pieces(storage, name):
        found.update(piece)
    return found.hexdigest()


def copy_out(storage: Storage, name: str, path: Path, most: int) -> str:
    """Copy a stored file to ``path``, at most ``most + 1`` bytes of it, and return its SHA-256 (hex).

    Raises ``StorageError``, with the code ``missing`` when it is not there.
    """
    found = hashlib.sha256()
    written = 0
    with reading(), storage.open(name, "rb") as handle, temporary_files(), path.open("wb") as target:
        for piece in _pieces(handle):
            target.write(piece[: most + 1 - written])
            found.update(piece)
            written += len(piece)
            if written > most:
                break
    return found.hexdigest()


def address_of(storage: Storage, name: str) -> str:
    """The address that a storage gives a file; empty where it has none."""
    with suppress(StorageError, NotImplementedError), as_storage_errors("The storage has no address for the file."):
        return str(storage.url(name))
    return ""


def _pieces(handle: Any) -> Iterator[bytes]:
    while piece := handle.read(_CHUNK):
        yield piece


def delete_quietly(storage: Storage, names: Iterable[str]) -> None:
    """Delete files that nothing refers to; one that is gone, or that cannot be deleted now, is left to the sweep."""
    for name in names:
        with suppress(StorageError), as_storage_errors("The file cannot be deleted."):
            storage.delete(name)


def listed(storage: Storage, folder: str) -> list[str]:
    """Names of the files directly in ``folder``; empty where the storage has no such folder or cannot list."""
    with suppress(StorageError), as_storage_errors("The folder cannot be listed."):
        return [posixpath.join(folder, name) for name in storage.listdir(folder)[1]]
    return []


def leave_mark(series: uuid.UUID, number: int) -> None:
    """Keep a number in the storage of results. Raises ``StorageError``."""
    note = ContentFile(b"Tells when the database was restored from a backup or copied. Keep it.\n")
    with as_storage_errors("The number could not be stored."):
        results_storage().save(_mark(series, number), note)


def drop_lower_marks(series: uuid.UUID, number: int, *, known: int) -> None:
    """Remove what ``number`` takes the place of: ``known``, and whatever else is listed below it."""
    storage = results_storage()
    lower = {name for name in listed(storage, _marks_of(series)) if _number_of(name) < number}
    delete_quietly(storage, lower | {_mark(series, known)} - {_mark(series, number)})


def has_mark(series: uuid.UUID, number: int) -> bool:
    """Whether the storage holds this number. Raises ``StorageError`` when it cannot tell."""
    with as_storage_errors("The storage cannot be asked."):
        return bool(results_storage().exists(_mark(series, number)))


def highest_mark(series: uuid.UUID) -> int:
    """The highest number that is listed; 0 where there is none, or where the storage cannot list."""
    return max(map(_number_of, listed(results_storage(), _marks_of(series))), default=0)


def _mark(series: uuid.UUID, number: int) -> str:
    return posixpath.join(_marks_of(series), str(number))


def _marks_of(series: uuid.UUID) -> str:
    return posixpath.join(get_settings().folder, "spending", str(series))


def _number_of(name: str) -> int:
    digits = posixpath.basename(name)
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def clear_temporary(older_than: float) -> None:
    """Remove our folders in the system's temporary directory that killed workers left before ``older_than``."""
    for path in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        with suppress(OSError):
            if path.stat().st_mtime < older_than:
                shutil.rmtree(path, ignore_errors=True)


def clear_scratch(storage: Storage, older_than: float) -> int:
    """Remove unfinished files of killed workers, if last touched before ``older_than`` (Unix time); return how many.

    Raises ``StorageError`` when some cannot be removed; the others are all the same.
    """
    if not isinstance(storage, FileSystemStorage):
        return 0
    removed = 0
    kept: OSError | None = None
    for path in _scratch_of(storage).glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime >= older_than:
                continue
            try:
                _remove(path)
                removed += 1
            except OSError as error:  # of another user, or on a disk that cannot be written
                kept = error
    if kept is not None:
        raise StorageError("Unfinished files of killed workers cannot be removed.", detail=repr(kept)) from kept
    return removed


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


class Workspace:
    """Room for files in the making, as long as a worker works.

    Results are made on the volume of their storage, if that is a disk: a finished one only gets a name there.
    """

    def __init__(self) -> None:
        name = f"{TEMPORARY}{uuid.uuid4().hex}"
        self._here = self._beside = Path(tempfile.gettempdir(), name)
        self._numbers = itertools.count()
        storage = results_storage()
        if _is_ordinary(storage):
            self._beside = _scratch_of(storage) / name

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place for the files of one call, which go with it. What a broken imaging process left goes at the end."""
        place = Place(self._here, self._beside, next(self._numbers))
        try:
            yield place
        finally:
            for path in place.taken:
                with suppress(OSError):
                    path.unlink()

    def touch(self) -> None:
        """Show that it is in use: folders that nobody has touched for long are removed."""
        for folder in (self._here, self._beside):
            with suppress(OSError):
                os.utime(folder)

    def close(self) -> None:
        """Remove everything."""
        for folder in (self._here, self._beside):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Place:
    """Names for files of one call; ``taken`` are those that go with it."""

    here: Path
    beside: Path
    number: int
    taken: list[Path] = field(default_factory=list)

    def source(self, name: object) -> Path:
        """A path for a copy of a source. Raises ``StorageError``."""
        return self._take(self.here, f"source-{name}")

    def result(self, name: object) -> Path:
        """A path for a result in the making. Raises ``StorageError``."""
        return self._take(self.beside, f"result-{name}")

    def _take(self, folder: Path, name: str) -> Path:
        with as_storage_errors("There is no room for files in the making."):
            if not folder.is_dir():  # the first file, or somebody has cleared up
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.taken.append(folder / f"{self.number}-{name}")
        return self.taken[-1]
