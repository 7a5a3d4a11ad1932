"""Pictures of products, and validation of the attributes that name a model's fields."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import DEFAULT_DB_ALIAS, models, router

from product_imagery.exceptions import RegistrationError


@dataclass(frozen=True)
class ProductPicture:
    """One picture of one product, with its current files and a label.

    ``place`` tells where the picture is written and ``source_place`` where it is read: table, column and row, however
    the model is registered. ``is_readable`` is false if the shop's own code raises for the product.
    """

    object_id: str
    slot: str
    source_name: str
    target_name: str
    label: str
    source_url: str = ""  #: address of the source file, if it is not in the storage yet
    place: str = ""
    source_place: str = ""
    is_readable: bool = True


def place_of_row(field: models.FileField, key: Any) -> str:
    """Return ``table.column:key`` of the row that has the column, after ``database/`` if it is not the default one."""
    database = router.db_for_write(field.model)
    prefix = "" if database == DEFAULT_DB_ALIAS else f"{database}/"
    return f"{prefix}{field.model._meta.db_table}.{field.column}:{key}"


class Declaration:
    """Base class of descriptions: finds fields and words the errors."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model

    def _check_names(self) -> None:
        """Raise ``RegistrationError`` for a misspelt attribute. Ignored, it would send pictures to the wrong field."""
        names = ("pictures", "field", "source", "target", "name", "category", "order", "primary", "cover")
        known = [name for name in names if any(name in vars(base) for base in type(self).__mro__[1:])]
        for name, value in vars(type(self)).items():
            if isinstance(value, str) and not name.startswith("_") and name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
                raise self._wrong(f"there is no attribute {name}. {hint}")

    def _image_field(self, model: type[models.Model], attribute: str, name: str) -> models.FileField:
        field = self._field(model, attribute, name)
        if not isinstance(field, models.FileField):
            kind = type(field).__name__
            raise self._wrong(f"{attribute} = “{name}” is a {kind} of {model.__name__}; it has to be an ImageField.")
        return field

    def _field(self, model: type[models.Model], attribute: str, name: str) -> Any:
        if not name:
            raise self._wrong(
                f"{attribute} is missing: name the field of {model.__name__}, as in {attribute} = “photo”."
            )
        try:
            return model._meta.get_field(name)
        except FieldDoesNotExist:
            known = [field.name for field in model._meta.get_fields()]
            close = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean “{close[0]}”?" if close else f" It has: {', '.join(known)}."
            raise self._wrong(f"{attribute} = “{name}”, but {model.__name__} has no such field.{hint}") from None

    def _wrong(self, sentence: str) -> RegistrationError:
        return RegistrationError(f"{type(self).__name__} for {self.model._meta.label}: {sentence}")
