"""Registry of the product image descriptions, by model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.contrib.contenttypes.models import ContentType
from django.db import models

from product_imagery.exceptions import RegistrationError
from product_imagery.products.fields import ProductImages

_registered: dict[type[models.Model], ProductImages] = {}
_Description = TypeVar("_Description", bound=type[ProductImages])


def register(model: type[models.Model]) -> Callable[[_Description], _Description]:
    """Class decorator that registers a description for ``model``. Raises ``RegistrationError``."""
    if not (isinstance(model, type) and issubclass(model, models.Model)):
        raise RegistrationError(f"@register({model!r}): give it a model class, as in @register(Product).")

    def decorate(description: _Description) -> _Description:
        if model._meta.abstract:
            raise RegistrationError(
                f"@register({model.__name__}): an abstract model has no rows; register its subclasses."
            )
        if not (isinstance(description, type) and issubclass(description, ProductImages)):
            raise RegistrationError(
                f"@register({model.__name__}) decorates a subclass of ProductImages or GalleryImages."
            )
        if model in _registered:
            raise RegistrationError(
                f"{model._meta.label} is registered twice, the second time by {description.__name__}."
            )
        _registered[model] = description(model)
        return description

    return decorate


def unregister(model: type[models.Model]) -> None:
    """Remove the description of a model: for tests, and for shops that replace another app's description."""
    _registered.pop(model, None)


def registered() -> list[ProductImages]:
    """Return all registered descriptions."""
    return list(_registered.values())


def description_of(model: type[models.Model]) -> ProductImages:
    """Return the description of ``model``. Raises ``RegistrationError``, which tells how to write one."""
    if model in _registered:
        return _registered[model]
    app = model._meta.app_label
    sentence = f"{model._meta.label} is not registered. Describe its pictures in {app}/imagery.py with @register."
    raise RegistrationError(sentence)


def description_for(content_type_id: int) -> ProductImages:
    """Return the description for a content type, which Django caches. Raises ``RegistrationError``."""
    content_type = ContentType.objects.get_for_id(content_type_id)
    model = content_type.model_class()
    if model is None:
        raise RegistrationError(f"The model {content_type} no longer exists.")
    return description_of(model)
