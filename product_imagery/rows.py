"""Reading of the shop's rows in bulk. A row that cannot be read does not affect the others."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from django.db import DatabaseError, connections, models
from django.db.models.functions import Cast

logger = logging.getLogger("product_imagery")

T = TypeVar("T")
_AT_ONCE = 10_000  #: keys per query
_INSTANCES = 500  #: in memory at once


def portions(keys: Sequence[T], database: str) -> Iterator[Sequence[T]]:
    """Split keys into as few portions as the database's limit of query parameters allows."""
    most = _AT_ONCE
    connection = connections[database]
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        most = min(most, connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) - 10)
    for begin in range(0, len(keys), most):
        yield keys[begin : begin + most]


def unopened(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Defer the image fields that would open their files when an instance is made."""
    return rows.defer(*(field.name for field in rows.model._meta.concrete_fields if _may_open(field)))


def text_keys(rows: models.QuerySet[Any], database: str) -> Any:
    """Return the primary keys of rows as text: as a subquery where ``database`` has the rows and writes keys as we do.

    It can be used in an ``__in`` lookup of a query to ``database``.
    """
    key = rows.model._meta.pk
    if rows.db == database and isinstance(key, (models.AutoField, models.IntegerField, models.CharField)):
        text = Cast("pk", models.CharField(max_length=64))
        return rows.order_by().annotate(imagery_key=text).values("imagery_key")
    return [str(pk) for pk in rows.order_by().values_list("pk", flat=True)]


def _may_open(field: Any) -> bool:
    """Return whether a field opens its file on access to an instance: an image field that fills size columns."""
    sizes = getattr(field, "width_field", None), getattr(field, "height_field", None)
    return isinstance(field, models.ImageField) and any(sizes)


def read_rows(rows: models.QuerySet[Any], keys: Sequence[Any], read: Callable[[Any], T]) -> dict[Any, T | None]:
    """Return the result of ``read`` for each row by primary key; ``None`` if the row or ``read`` raises.

    Raises ``DatabaseError``.
    """
    found: dict[Any, T | None] = {}
    try:
        for row in unopened(rows.filter(pk__in=keys)).iterator(chunk_size=_INSTANCES):
            found[row.pk] = read(row)
        return found
    except DatabaseError:
        raise
    except Exception:  # the shop's own code raises for a row: find it by bisection
        left = [key for key in rows.filter(pk__in=keys).values_list("pk", flat=True) if key not in found]
        if len(left) <= 1:
            logger.warning("%s %s cannot be read.", rows.model._meta.label, *left or ("?",), exc_info=True)
            return {**found, **dict.fromkeys(left)}
    middle = len(left) // 2
    return {**found, **read_rows(rows, left[:middle], read), **read_rows(rows, left[middle:], read)}
