"""Places of pictures: paths from a model to a file field, and the table, column and row at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models, router


def beyond(*parts: str) -> str:
    """Join parts of a lookup; empty ones are left out."""
    return "__".join(filter(None, parts))


def place_of_row(field: models.FileField, key: Any) -> str:
    """Return ``table.column:key`` of the row that has the column, after ``database/`` if it is not the default one."""
    database = router.db_for_write(field.model)
    prefix = "" if database == DEFAULT_DB_ALIAS else f"{database}/"
    return f"{prefix}{field.model._meta.db_table}.{field.column}:{key}"


@dataclass(frozen=True)
class FieldPath:
    """A file field at the end of a path: ``image__file`` is the field ``file`` of the row that ``image`` leads to.

    ``owner`` is the model of that row. With multi-table inheritance, its column may be in a parent's table.
    """

    prefix: str  #: lookup of the row, empty for a field of the model itself
    owner: type[models.Model]
    field: models.FileField

    @property
    def lookup(self) -> str:
        """Lookup of the file name."""
        return beyond(self.prefix, self.field.name)

    @property
    def key(self) -> str:
        """Lookup of the primary key of the row that has the column."""
        return beyond(self.prefix, self.field.model._meta.pk.attname)

    def within(self, prefix: str) -> FieldPath | None:
        """Return the path from the row at ``prefix``, or ``None`` if it does not lead through that row."""
        if prefix and self.prefix != prefix and not self.prefix.startswith(f"{prefix}__"):
            return None
        rest = self.prefix[len(prefix) :].removeprefix("__")
        return FieldPath(rest, self.owner, self.field)
