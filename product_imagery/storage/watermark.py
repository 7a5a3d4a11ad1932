"""High-water marks of spending, kept in the storage of results.

They are numbers in the names of small files, one series for each database. A database that was restored from a backup
lags behind its series, and a storage without the series of a database that has spent belongs to a copy.
"""

from __future__ import annotations

import posixpath
import uuid

from django.core.files.base import ContentFile
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.storage.errors import as_storage_errors
from product_imagery.storage.store import delete_quietly, listed, results_storage


def write(series: uuid.UUID, number: int) -> None:
    """Write a number to the storage of results. Raises ``StorageError``."""
    note = ContentFile(b"Tells when the database was restored from a backup or copied. Keep it.\n")
    with as_storage_errors(gettext("The number could not be stored.")):
        results_storage().save(_name_of(series, number), note)


def drop_lower(series: uuid.UUID, number: int, *, known: int) -> None:
    """Remove the numbers that ``number`` replaces: all that are listed below it, and ``known``, listed or not."""
    storage = results_storage()
    lower = {name for name in listed(storage, _folder_of(series)) if _number_of(name) < number}
    delete_quietly(storage, lower | {_name_of(series, known)} - {_name_of(series, number)})


def exists(series: uuid.UUID, number: int) -> bool:
    """Tell whether the storage holds this number. Raises ``StorageError`` when that cannot be found out."""
    with as_storage_errors(gettext("The storage cannot be asked.")):
        return bool(results_storage().exists(_name_of(series, number)))


def highest(series: uuid.UUID) -> int:
    """Return the highest number that is listed; 0 if there is none, or if the storage cannot list."""
    return max(map(_number_of, listed(results_storage(), _folder_of(series))), default=0)


def _name_of(series: uuid.UUID, number: int) -> str:
    return posixpath.join(_folder_of(series), str(number))


def _folder_of(series: uuid.UUID) -> str:
    return posixpath.join(get_settings().folder, "spending", str(series))


def _number_of(name: str) -> int:
    digits = posixpath.basename(name)
    return int(digits) if digits.isascii() and digits.isdigit() else 0
