"""Products by their ids in the API: ``app.model:key``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError as FieldError
from rest_framework.exceptions import NotFound, ValidationError

from product_imagery.exceptions import RegistrationError
from product_imagery.products import ProductImages, ProductPicture, description_of


def find(identity: str) -> tuple[ProductImages, Any]:
    """The description and the key of a product, which may not exist. Raises ``NotFound`` for what cannot be one."""
    name, _, key = identity.partition(":")
    try:
        model = apps.get_model(name)
        return description_of(model), model._meta.get_field(model._meta.pk.name).to_python(key)
    except (LookupError, ValueError, AttributeError, RegistrationError, FieldError) as error:
        raise NotFound(f"There is no product “{identity[:100]}”.") from error


def pictures(identity: str) -> list[ProductPicture]:
    """The pictures of one product. Raises ``NotFound`` when it does not exist."""
    description, key = find(identity)
    found = list(description.list_pictures([key]))
    if not found and not description.model._base_manager.filter(pk=key).exists():
        raise NotFound(f"There is no product “{identity[:100]}”.")
    return found


def selection(images: Sequence[dict[str, str]]) -> tuple[ProductImages, list[Any], dict[str, str]]:
    """(description, keys, the callers' own ids by key) of what is asked for. Raises ``ValidationError``."""
    found = {}
    for number, image in enumerate(images):
        try:
            found[number] = find(image["product"])
        except NotFound as error:
            raise ValidationError({"images": {str(number): [str(error.detail)]}}) from error
    descriptions = {id(description): description for description, _ in found.values()}
    if len(descriptions) > 1:
        raise ValidationError({"images": ["Send products of one kind in one request."]})
    (description,) = descriptions.values()
    keys = list(dict.fromkeys(key for _, key in found.values()))
    own = {str(found[number][1]): image["external_id"] for number, image in enumerate(images) if image["external_id"]}
    return description, keys, own
