"""Products by their ids in the API, ``app.model:key``: those of the shop, and pictures that belong to none of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError as FieldError
from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError

from product_imagery.exceptions import RegistrationError
from product_imagery.models import ApiKey, Upload
from product_imagery.products import ProductImages, ProductPicture, description_of, registered

_LARGEST = 1 << 63  #: what a database takes for a whole number


@dataclass(frozen=True)
class Viewer:
    """Whose products these are: everybody who may view a model sees the shop's, and an owner their own uploads."""

    user: Any
    key: ApiKey | None

    @property
    def makes_tests(self) -> bool:
        """Whether what comes is for trying out."""
        return bool(self.key and self.key.is_test)

    def may_view(self, description: ProductImages) -> bool:
        """Whether its model may be looked at."""
        model = description.model._meta
        own = description.model is Upload
        return own or bool(self.user.has_perm(f"{model.app_label}.view_{model.model_name}"))

    def rows(self, description: ProductImages) -> QuerySet[Any]:
        """The products of one kind. Raises ``PermissionDenied``."""
        if description.model is Upload:
            return Upload.objects.of(self.user, self.makes_tests)
        if not self.may_view(description):
            sentence = f"The owner of this key may not view {description.model._meta.label_lower}."
            raise PermissionDenied(sentence, code="missing_permission")
        return description.model._default_manager.all()

    def kinds(self) -> list[ProductImages]:
        """All kinds of products that may be looked at, in a lasting order."""
        return [one for one in sorted(registered(), key=kind_of) if self.may_view(one)]


def kind_of(description: ProductImages) -> str:
    """The first part of its products' ids."""
    return description.model._meta.label_lower


def identity_of(product: Any) -> str:
    """The id of a product."""
    return f"{product._meta.label_lower}:{product.pk}"


def identity(description: ProductImages, key: Any) -> str:
    """The same, by description and primary key."""
    return f"{kind_of(description)}:{key}"


def primary_key(model: type[Model], text: str) -> Any:
    """A text as a key of ``model``. Raises ``ValueError``, or Django's ``ValidationError``, for what cannot be one."""
    field: Any = model._meta.pk
    found = field.to_python(text)
    if isinstance(found, int) and abs(found) >= _LARGEST:
        raise ValueError(text)
    return found


def parse(identity: str) -> tuple[ProductImages, Any]:
    """The description and the key of a product, which may not exist. Raises ``NotFound`` for what cannot be one."""
    name, _, key = identity.partition(":")
    if "\0" in key:
        raise _nothing(identity.replace("\0", ""))
    try:
        model = apps.get_model(name)
        return description_of(model), primary_key(model, key)
    except (LookupError, ValueError, AttributeError, RegistrationError, FieldError) as error:
        raise _nothing(identity) from error


def find(identity: str, viewer: Viewer) -> tuple[ProductImages, Any]:
    """The description and the row of a product. Raises ``NotFound``, ``PermissionDenied``."""
    description, key = parse(identity)
    row = viewer.rows(description).filter(pk=key).first()
    if row is None:
        raise _nothing(identity)
    return description, row


def pictures_of(description: ProductImages, rows: Iterable[Any]) -> dict[str, list[ProductPicture]]:
    """The pictures of these products by their keys as text, with as many queries for many as for one."""
    found: dict[str, list[ProductPicture]] = {}
    for picture in description.list_pictures([row.pk for row in rows]):
        found.setdefault(picture.object_id, []).append(picture)
    return found


@dataclass(frozen=True)
class ProductReference:
    """A product that a request asks for: its id, its position among the images, and the caller's own id for it."""

    product: str
    position: int
    external_id: str = ""


def chosen(
    references: Sequence[ProductReference], viewer: Viewer
) -> tuple[dict[ProductImages, list[Any]], dict[tuple[ProductImages, str], list[str]]]:
    """Return keys by description, and external ids by product. Raises ``ValidationError``, ``PermissionDenied``."""
    keys: dict[ProductImages, list[Any]] = {}
    positions: dict[tuple[ProductImages, Any], int] = {}
    external_ids: dict[tuple[ProductImages, str], list[str]] = {}
    for reference in references:
        try:
            description, key = parse(reference.product)
        except NotFound as error:
            raise _wrong(reference.position, str(error.detail)) from error
        if (description, key) not in positions:
            positions[description, key] = reference.position
            keys.setdefault(description, []).append(key)
        names = external_ids.setdefault((description, str(key)), [])
        if reference.external_id and reference.external_id not in names:
            names.append(reference.external_id)
    for description, wanted in keys.items():
        there = set(viewer.rows(description).filter(pk__in=wanted).values_list("pk", flat=True))
        missing = next((key for key in wanted if key not in there), None)
        if missing is not None:
            sentence = f"There is no product “{identity(description, missing)}”."
            raise _wrong(positions[description, missing], sentence)
    return keys, external_ids


def _wrong(position: int, sentence: str) -> ValidationError:
    return ValidationError({"images": {str(position): [sentence]}})


def _nothing(identity: str) -> NotFound:
    return NotFound(f"There is no product “{identity[:100]}”.")
