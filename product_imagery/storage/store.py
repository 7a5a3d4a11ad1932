"""Files in a storage of Django's: nothing is overwritten, and an unfinished file is never visible."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import StorageError
from product_imagery.storage.errors import as_storage_errors, reading, temporary_files
from product_imagery.storage.scratch import is_ordinary, scratch_of

_CHUNK = 1024 * 1024


def results_storage() -> Storage:
    """Return the storage of results and thumbnails. Model fields take this callable, so no migration contains it."""
    storage: Storage = storages[get_settings().storage]
    return storage


def keep(storage: Storage, name: str, path: Path, sha256: str) -> str:
    """Store the file at ``path`` and return the name it got; the same content under the same name is stored once.

    Raises ``StorageError`` when the storage fails or does not hold all of it afterwards.
    """
    with as_storage_errors(gettext("The picture could not be stored.")):
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
            raise StorageError(gettext("The storage kept only a part of the picture."), detail=detail)
    return stored


def _save(storage: Storage, name: str, path: Path) -> str:
    if not isinstance(storage, FileSystemStorage):
        with path.open("rb") as handle:
            return storage.save(name, File(handle, name))
    # A file system storage writes into the final name, where a kill leaves half a file; a rename cannot.
    scratch = scratch_of(storage)
    scratch.mkdir(parents=True, exist_ok=True)
    ready = scratch / f"{os.getpid()}-{uuid.uuid4().hex}"
    try:
        shutil.copyfile(path, ready)
        with _ReadyFile(ready, name) as content:
            return storage.save(name, content)
    finally:
        ready.unlink(missing_ok=True)


def _linked(storage: Storage, name: str, path: Path) -> bool:
    """Link a file of a ``Workspace`` to its final name, never over another file; return whether it worked."""
    if not is_ordinary(storage) or scratch_of(storage) not in path.parents:
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


class _ReadyFile(File):  # type: ignore[type-arg]
    """A finished file on the storage's own volume, which Django moves instead of copying."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path.open("rb"), name)
        self._path = path

    def temporary_file_path(self) -> str:
        """Path of the file, which makes ``FileSystemStorage`` rename instead of write."""
        return str(self._path)


def pieces(storage: Storage, name: str) -> Iterator[bytes]:
    """Yield a stored file in pieces. Raises ``StorageError``, with the code ``missing`` if it does not exist."""
    with reading(), storage.open(name, "rb") as handle:
        yield from _pieces(handle)


def digest(storage: Storage, name: str) -> str:
    """Return the SHA-256 of a stored file in hex. Raises ``StorageError``, ``missing`` if it does not exist."""
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
    """Return the URL of a stored file; empty if the storage gives none."""
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


def listed(storage: Storage, folder: str, *, folders: bool = False) -> list[str]:
    """Names of the files, or ``folders``, directly in ``folder``; empty if it does not exist or cannot be listed."""
    with suppress(StorageError), as_storage_errors("The folder cannot be listed."):
        found = storage.listdir(folder)[0 if folders else 1]
        return [posixpath.join(folder, name) for name in found]
    return []
