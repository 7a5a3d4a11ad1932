"""Categories: groups of products by the field that a description names as ``category``."""

from __future__ import annotations

from typing import Any

from django.db import models

from product_imagery.products import ProductImages
from product_imagery.rows import read_rows, unopened

MOST = 500  #: categories of one model that are listed


def products_of(description: ProductImages, category: str) -> models.QuerySet[Any]:
    """Return the products in a category, which is a value of the field as text.

    Raises ``ValidationError`` for a text that is no value of the field, and without such a field ``LookupError``.
    """
    if not description.category:
        raise LookupError(f"{description.model._meta.label} has no categories.")
    value = _valued(description).to_python(category)
    rows: models.QuerySet[Any] = description.model._base_manager.filter(**{description.category: value})
    return rows


def choices(description: ProductImages) -> list[tuple[str, str]]:
    """Return up to ``MOST`` categories that products have, as text, with their labels in alphabetical order."""
    if not description.category:
        return []
    rows = description.model._base_manager.order_by().exclude(**{description.category: None})
    values = list(rows.values_list(description.category, flat=True).distinct()[:MOST])
    labels = _labels(description, values)
    found = [(str(value), str(labels.get(value) or value)) for value in values if value != ""]
    return sorted(found, key=lambda one: one[1].casefold())


def _labels(description: ProductImages, values: list[Any]) -> dict[Any, Any]:
    """Return labels by value: of related rows as the shop names them, of choices as they are declared."""
    field: Any = description.model._meta.get_field(description.category)
    if field.related_model:
        return read_rows(unopened(field.related_model._base_manager.all()), values, str)
    return dict(field.flatchoices)


def _valued(description: ProductImages) -> Any:
    """Return the field whose values are compared: for a relation, the primary key at its other end."""
    field: Any = description.model._meta.get_field(description.category)
    return field.related_model._meta.pk if field.related_model else field
