"""Validation of the attributes of a description. Each mistake gets a sentence that names what there is instead."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from product_imagery.exceptions import RegistrationError
from product_imagery.products.paths import FieldPath, beyond

#: attributes of a description that are texts
_NAMES = ("pictures", "field", "source", "source_url", "target", "name", "file_name", "category", "order")
_MARKS = ("primary", "cover")


class Declaration:
    """Base class of descriptions: finds fields and words the errors."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model

    def named(self, attribute: str) -> Any:
        """Return an attribute that is a path, or a function of a row: a method of the description, or a plain function.

        A method takes the description and the row, a plain function the row only.
        """
        plain = inspect.getattr_static(self, attribute)
        if inspect.isfunction(plain) and len(inspect.signature(plain).parameters) == 1:
            return plain
        return getattr(self, attribute)

    def _check_names(self) -> None:
        """Raise ``RegistrationError`` for a misspelt attribute. Ignored, it would send pictures to the wrong field."""
        known = [name for name in (*_NAMES, *_MARKS) if any(name in vars(base) for base in type(self).__mro__[1:])]
        for name, value in vars(type(self)).items():
            if isinstance(value, str) and not name.startswith("_") and name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
                raise self._wrong(f"there is no attribute {name}. {hint}")

    def _file_path(self, model: type[models.Model], attribute: str, path: str) -> FieldPath:
        """Resolve the path to a file field: relations to one row, and the field at the end."""
        if not isinstance(path, str):
            raise self._wrong(f"{attribute} has to be the path of an ImageField, as in {attribute} = “image__file”.")
        *steps, name = path.split("__")
        owner, prefix = model, ""
        for step in steps:
            relation = self._field(owner, attribute, step)
            if not (relation.many_to_one or relation.one_to_one) or relation.related_model is None:
                kind = f"{type(relation).__name__} of {owner.__name__}"
                raise self._wrong(f"{attribute} = “{path}”: “{step}” is a {kind}; it has to lead to one row.")
            owner, prefix = relation.related_model, beyond(prefix, step)
        field = self._field(owner, attribute, name)
        if not isinstance(field, models.FileField):
            kind = f"{type(field).__name__} of {owner.__name__}"
            raise self._wrong(f"{attribute} = “{path}” is a {kind}; it has to be an ImageField.{_further(field, path)}")
        return FieldPath(prefix, owner, field)

    def _relation_path(self, model: type[models.Model], attribute: str, path: str) -> tuple[str, type[models.Model]]:
        """Resolve the path to rows of another model; return it as a lookup, with that model."""
        owner, lookup, is_many = model, "", False
        for step in path.split("__"):
            relation = self._field(owner, attribute, _query_name(owner, step))
            is_many = is_many or bool(relation.one_to_many or relation.many_to_many)
            if relation.related_model is None:
                is_many = False
                break
            owner, lookup = relation.related_model, beyond(lookup, relation.name)
        if not is_many:
            wanted = f"the reverse side of a ForeignKey to {model.__name__}, a ManyToManyField or a GenericRelation"
            raise self._wrong(f"{attribute} = “{path}” has to be {wanted}.")
        return lookup, owner

    def _check_value(self, model: type[models.Model], attribute: str) -> None:
        """Raise ``RegistrationError`` for a path to nothing. Functions, properties and methods pass."""
        named = self.named(attribute)
        for path in [named] if isinstance(named, str) else named if isinstance(named, Sequence) else []:
            owner: type[models.Model] | None = model
            for step in path.removeprefix("-").split("__") if path else ():
                if owner is None or step in ("pk", "?") or _is_attribute(owner, step):
                    break
                owner = self._field(owner, attribute, step).related_model

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


def _is_attribute(model: type[models.Model], name: str) -> bool:
    """Return true for a property, method or descriptor of the class that is no field."""
    return hasattr(model, name) and name not in {field.name for field in model._meta.get_fields()}


def _query_name(model: type[models.Model], name: str) -> str:
    """Return the name of a relation in lookups, from that or the name of its attribute, as in ``photo_set``."""
    for relation in model._meta.related_objects:
        if relation.get_accessor_name() == name:
            return relation.name
    return name


def _further(field: Any, path: str) -> str:
    """Return a hint where the field is a relation to rows that have file fields themselves."""
    related = getattr(field, "related_model", None)
    files = [one.name for one in related._meta.get_fields() if isinstance(one, models.FileField)] if related else []
    return f" Did you mean “{path}__{files[0]}”?" if files else ""
