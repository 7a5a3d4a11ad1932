"""Find out whether a storage keeps files, by writing one."""

from __future__ import annotations

import posixpath
import uuid

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.utils.translation import gettext

from product_imagery.exceptions import StorageError
from product_imagery.storage.errors import as_storage_errors
from product_imagery.storage.store import delete_quietly


def try_out(storage: Storage, name: str) -> None:
    """Make sure that the storage takes files: one is written and deleted again. Raises ``StorageError``.

    Where that file stands already, because it can be written but not deleted, no other is written. Another process
    may write and delete the same one at this moment: a failure counts only with a name that nobody else has.
    """
    try:
        stored = name if _is_there(storage, name) else _save_probe(storage, name)
    except StorageError:
        stem, suffix = posixpath.splitext(name)
        stored = _save_probe(storage, f"{stem}-{uuid.uuid4().hex[:12]}{suffix}")
    delete_quietly(storage, [stored])


def read_back(storage: Storage, name: str) -> None:
    """Make sure that the storage returns what it takes: a small file is written, read and deleted.

    Raises ``StorageError``.
    """
    content = uuid.uuid4().hex.encode()
    with as_storage_errors("A file cannot be kept:"):
        stored = storage.save(name, ContentFile(content))
        try:
            with storage.open(stored) as handle:
                same = handle.read() == content
        finally:
            storage.delete(stored)
    if not same:
        raise StorageError(gettext("The storage returns other bytes than were written."))


def _is_there(storage: Storage, name: str) -> bool:
    with as_storage_errors(gettext("The storage cannot be asked.")):
        return storage.exists(name)


def _save_probe(storage: Storage, name: str) -> str:
    with as_storage_errors(gettext("The storage takes no files.")):
        return storage.save(name, ContentFile(b"Can be deleted.\n"))
