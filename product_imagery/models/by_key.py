"""Update of many rows, each with its own value, in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, Model
from django.db.models.sql.compiler import SQLCompiler


class ByKey(Expression):
    """``CASE id WHEN … THEN … END``, for an update of the rows with these keys.

    ``bulk_update`` makes the same update from one expression per row. To build that statement takes about a hundred
    times as long.
    """

    def __init__(self, model: type[Model], field: str, values: Mapping[int, Any]) -> None:
        super().__init__(output_field=model._meta.get_field(field))  # type: ignore[arg-type]
        self._key, self._values = F("pk"), values

    def get_source_expressions(self) -> list[Any]:
        """Return the key."""
        return [self._key]

    def set_source_expressions(self, exprs: Any) -> None:
        """Store the resolved key."""
        (self._key,) = exprs

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:  # type: ignore[override]
        """Return SQL and parameters, cast to the type of the column where the database needs it."""
        key, params = compiler.compile(self._key)  # type: ignore[arg-type]
        written, field = list(params), self.output_field
        for pk, value in self._values.items():
            written += [pk, field.get_db_prep_save(value, connection)]
        sql = f"CASE {key} {'WHEN %s THEN %s ' * len(self._values)}END"
        if connection.features.requires_casted_case_in_updates:
            sql = f"CAST({sql} AS {field.db_type(connection)})"
        return sql, tuple(written)
