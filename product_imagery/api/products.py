"""Products by their API ids, ``app.model:key``: those of the shop, and the caller's uploads."""

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

_LARGEST = 1 << 63  #: bound of integers in a database


@dataclass(frozen=True)
class Viewer:
    """A viewer of products: sees the shop's products of models that they may view, and their own uploads."""

    user: Any
    key: ApiKey | None

    @property
    def makes_tests(self) -> bool:
        """Whether new rows are for testing, because the key is."""
        return bool(self.key and self.key.is_test)

    def may_view(self, description: ProductImages) -> bool:
        """Return whether the viewer may see products of this description."""
        model = description.model._meta
        own = description.model is Upload
        return own or bool(self.user.has_perm(f"{model.app_label}.view_{model.model_name}"))

    def rows(self, description: ProductImages) -> QuerySet[Any]:
        """Return the products of one kind. Raises ``PermissionDenied``."""
        if description.model is Upload:
            return Upload.objects.of(self.user, self.makes_tests)
        if not self.may_view(description):
            sentence = f"The owner of this key may not view {description.model._meta.label_lower}."
            raise PermissionDenied(sentence, code="missing_permission")
        return description.model._default_manager.all()

    def kinds(self) -> list[ProductImages]:
        """Return all kinds of products that the viewer may see, in a stable order."""
        return [one for one in sorted(registered(), key=kind_of) if self.may_view(one)]


def kind_of(description: ProductImages) -> str:
    """Return the part of its products' ids before the colon."""
    return description.model._meta.label_lower


def identity_of(product: Any) -> str:
    """Return the id of a product."""
    return f"{product._meta.label_lower}:{product.pk}"


def identity(description: ProductImages, key: Any) -> str:
    """Return the id of a product by description and primary key."""
    return f"{kind_of(description)}:{key}"


def primary_key(model: type[Model], text: str) -> Any:
    """Convert a string to a key of ``model``. Raises ``ValueError``, or Django's ``ValidationError``."""
    field: Any = model._meta.pk
    found = field.to_python(text)
    if isinstance(found, int) and abs(found) >= _LARGEST:
        raise ValueError(text)
    return found


def parse(identity: str) -> tuple[ProductImages, Any]:
    """Return description and key of a product that need not exist. Raises ``NotFound`` for a malformed id."""
    name, _, key = identity.partition(":")
    if "\0" in key:
        raise _not_found(identity.replace("\0", ""))
    try:
        model = apps.get_model(name)
        return description_of(model), primary_key(model, key)
    except (LookupError, ValueError, AttributeError, RegistrationError, FieldError) as error:
        raise _not_found(identity) from error


def find(identity: str, viewer: Viewer) -> tuple[ProductImages, Any]:
    """Return description and row of a product. Raises ``NotFound``, ``PermissionDenied``."""
    description, key = parse(identity)
    row = viewer.rows(description).filter(pk=key).first()
    if row is None:
        raise _not_found(identity)
    return description, row


def pictures_of(description: ProductImages, rows: Iterable[Any]) -> dict[str, list[ProductPicture]]:
    """Return pictures by product key as a string. The number of queries does not depend on the number of products."""
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


@dataclass(frozen=True)
class ProductSelection:
    """Existing products: primary keys by description, and the caller's own ids by description and key."""

    keys: dict[ProductImages, list[Any]]
    external_ids: dict[tuple[ProductImages, str], list[str]]


def select(references: Sequence[ProductReference], viewer: Viewer) -> ProductSelection:
    """Return the products that are referred to. Raises ``ValidationError``, ``PermissionDenied``."""
    keys: dict[ProductImages, list[Any]] = {}
    positions: dict[tuple[ProductImages, Any], int] = {}
    external_ids: dict[tuple[ProductImages, str], list[str]] = {}
    for reference in references:
        try:
            description, key = parse(reference.product)
        except NotFound as error:
            raise _invalid(reference.position, str(error.detail)) from error
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
            raise _invalid(positions[description, missing], sentence)
    return ProductSelection(keys, external_ids)


def _invalid(position: int, sentence: str) -> ValidationError:
    return ValidationError({"images": {str(position): [sentence]}})


def _not_found(identity: str) -> NotFound:
    return NotFound(f"There is no product “{identity[:100]}”.")
