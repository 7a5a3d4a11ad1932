"""Values of the shop's rows: of a field or path, a property or method of the model, or a function of the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import models

from product_imagery.rows import read_rows


def value_of(row: models.Model, named: Any) -> Any:
    """Return the value of a row for a path or a function; ``None`` where the path ends at a row that is not there."""
    if callable(named):
        return named(row)
    value: Any = row
    for step in named.split("__"):
        try:
            value = getattr(value, step)
        except ObjectDoesNotExist:
            return None
        value = value() if callable(value) else value
        if value is None:
            return None
    return value


def field_at(model: type[models.Model], named: Any) -> models.Field[Any, Any] | None:
    """Return the column that a path leads to, over relations to one row; ``None`` for everything else."""
    owner: Any = model
    field: Any = None
    for step in named.split("__") if isinstance(named, str) else ():
        try:
            field = owner._meta.pk if step == "pk" else owner._meta.get_field(step)
        except (FieldDoesNotExist, AttributeError):
            return None
        if not getattr(field, "concrete", False) or field.many_to_many:
            return None
        owner = field.related_model
    return field if isinstance(field, models.Field) else None


def read_values(model: type[models.Model], keys: Sequence[Any], named: Any) -> dict[Any, Any]:
    """Return the values of rows by primary key, with one query; ``None`` for a row on which the shop's code raises."""
    rows = model._base_manager.order_by("pk")
    if field_at(model, named):
        return dict(rows.filter(pk__in=keys).values_list("pk", named))
    return read_rows(rows, keys, lambda row: value_of(row, named))
