"""Writing of a file name to a row of the shop, with the columns that follow from it."""

from __future__ import annotations

from typing import Any

from django.db import models


def write_name(row: models.Model, field: models.FileField, *, expected: str, name: str | None) -> list[str]:
    """Write the name if the field holds ``expected``; return the names of the fields written, none if it does not.

    One conditional update of the table that has the field; columns in another table (multi-table inheritance) follow.
    """
    empty = models.Q(**{field.name: ""}) | (models.Q(**{field.name: None}) if field.null else models.Q())
    condition = models.Q(**{field.name: expected}) if expected else empty
    derived = _derived(row, field, name or "")
    own = {key: value for key, value in derived.items() if row._meta.get_field(key).model is field.model}
    rows = field.model._base_manager.filter(pk=getattr(row, field.model._meta.pk.attname))
    if not rows.filter(condition).update(**{field.name: name}, **own):
        return []
    rest = {key: value for key, value in derived.items() if key not in own}
    if rest:
        type(row)._base_manager.filter(pk=row.pk).update(**rest)
    return [field.name, *derived]


def _derived(row: models.Model, target: Any, name: str) -> dict[str, Any]:
    """Return the values of fields with ``auto_now`` and of the picture's width and height."""
    touched = [field for field in row._meta.concrete_fields if getattr(field, "auto_now", False)]
    values: dict[str, Any] = {field.name: field.pre_save(row, add=False) for field in touched}
    dimensions = [key for key in (getattr(target, "width_field", ""), getattr(target, "height_field", "")) if key]
    if dimensions:
        setattr(row, target.name, name)
        target.update_dimension_fields(row, force=True)
        values |= {key: getattr(row, key) for key in dimensions}
    return values
