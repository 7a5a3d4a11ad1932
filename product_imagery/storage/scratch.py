"""Folders for unfinished files, and the removal of those that killed workers left there."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TypeGuard

from django.core.files.storage import FileSystemStorage, Storage
from django.utils.translation import gettext

from product_imagery.exceptions import StorageError

TEMPORARY = "product-imagery-"  #: prefix of our folders in the system's temporary directory
_SCRATCH = ".product_imagery-tmp"  #: folder beside the files of a file system storage


def is_ordinary(storage: Storage) -> TypeGuard[FileSystemStorage]:
    """Tell whether a storage is a disk where a link gives a finished file its name, with nothing else to be done."""
    return type(storage) is FileSystemStorage and storage.directory_permissions_mode is None


def scratch_of(storage: FileSystemStorage) -> Path:
    """Return the folder for unfinished files, on the same volume as the finished ones."""
    return Path(storage.location) / _SCRATCH


def clear_temporary(older_than: float) -> None:
    """Remove our folders in the system's temporary directory that were last touched before ``older_than`` (Unix time).

    Killed workers leave them behind.
    """
    for path in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        with suppress(OSError):
            if path.stat().st_mtime < older_than:
                shutil.rmtree(path, ignore_errors=True)


def clear_scratch(storage: Storage, older_than: float) -> int:
    """Remove unfinished files that were last touched before ``older_than`` (Unix time) and return how many.

    Raises ``StorageError`` when some cannot be removed; the others are removed nevertheless.
    """
    if not isinstance(storage, FileSystemStorage):
        return 0
    removed = 0
    kept: OSError | None = None
    for path in scratch_of(storage).glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime >= older_than:
                continue
            try:
                _remove(path)
                removed += 1
            except OSError as error:  # of another user, or on a disk that cannot be written
                kept = error
    if kept is not None:
        raise StorageError(
            gettext("Unfinished files of killed workers cannot be removed."), detail=repr(kept)
        ) from kept
    return removed


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()
