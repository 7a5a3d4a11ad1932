"""``StorageError`` in place of the exceptions of storages, with codes that tell what may pass from what stays."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import SuspiciousFileOperation
from django.utils.translation import gettext

from product_imagery.exceptions import StorageError

#: a name outside the storage, of a folder, below a file, or with characters that no file name has
_BAD_NAMES = (SuspiciousFileOperation, IsADirectoryError, NotADirectoryError, ValueError)
_BAD_NAME_NUMBERS = (errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP)


@contextmanager
def as_storage_errors(message: str) -> Iterator[None]:
    """Raise ``StorageError`` in place of what a storage raises; its code is ``missing`` when the file is not there."""
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError as error:
        raise StorageError(
            gettext("The file is no longer in the storage."), code="missing", detail=repr(error)
        ) from error
    except Exception as error:  # back ends have exceptions of their own: boto's are not even OSErrors
        raise StorageError(message, detail=repr(error)) from error


@contextmanager
def temporary_files() -> Iterator[None]:
    """Raise ``StorageError`` with the code ``temp_full`` when the disk is full; other errors are left as they are."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sentence = gettext("The disk for temporary files is full. Make room: the picture waits, and nothing was spent.")
        raise StorageError(sentence, code="temp_full", detail=repr(error)) from error


@contextmanager
def reading() -> Iterator[None]:
    """Do the same while reading: the code is ``unreadable_name`` for a name that no file of the storage can have."""
    with as_storage_errors(gettext("The file cannot be read.")):
        try:
            yield
        except (*_BAD_NAMES, OSError) as error:
            if not isinstance(error, _BAD_NAMES) and getattr(error, "errno", None) not in _BAD_NAME_NUMBERS:
                raise
            sentence = gettext(
                "The name of this file can be no file of its storage: it leads outside, to a folder, or holds "
                "characters that no file name has. Upload the picture again."
            )
            raise StorageError(sentence, code="unreadable_name", detail=repr(error)) from error
