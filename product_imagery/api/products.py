"""Products of the shop and uploads of the caller, by their ids in the API: ``app.model:key``."""

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

_KEY_BOUND = 1 << 63  #: integers from here on do not fit into a database column


@dataclass(frozen=True)
class Viewer:
    """A caller who sees the products of those models that they may view, and their own uploads."""

    user: Any
    key: ApiKey | None

    @property
    def makes_tests(self) -> bool:
        """True if new rows are marked as tests, because the key is a test key."""
        return bool(self.key and self.key.is_test)

    def may_view(self, description: ProductImages) -> bool:
        """Return true if the viewer may see the products of this description."""
        model = description.model._meta
        own = description.model is Upload
        return own or bool(self.user.has_perm(f"{model.app_label}.view_{model.model_name}"))

    def rows(self, description: ProductImages) -> QuerySet[Any]:
        """Return the visible products of one kind. Raises ``PermissionDenied``."""
        if description.model is Upload:
            return Upload.objects.of(self.user, self.makes_tests)
        if not self.may_view(description):
            sentence = f"The owner of this key may not view {description.model._meta.label_lower}."
            raise PermissionDenied(sentence, code="missing_permission")
        return description.model._default_manager.all()

    def kinds(self) -> list[ProductImages]:
        """Return the descriptions of products that the viewer may see, sorted by kind."""
        return [one for one in sorted(registered(), key=kind_of) if self.may_view(one)]


def kind_of(description: ProductImages) -> str:
    """Return the kind of the products, which is the part of their ids before the colon."""
    return description.model._meta.label_lower


def identity_of(product: Any) -> str:
    """Return the id of a product."""
    return f"{product._meta.label_lower}:{product.pk}"


def identity(description: ProductImages, key: Any) -> str:
    """Return the id of a product by description and primary key."""
    return f"{kind_of(description)}:{key}"


def primary_key(model: type[Model], text: str) -> Any:
    """Convert ``text`` to a primary key of ``model``. Raises ``ValueError`` or Django's ``ValidationError``."""
    field: Any = model._meta.pk
    found = field.to_python(text)
    if isinstance(found, int) and abs(found) >= _KEY_BOUND:
        raise ValueError(text)
    return found


def parse(identity: str) -> tuple[ProductImages, Any]:
    """Return description and primary key from an id. Raises ``NotFound`` for a malformed id, not for a missing row."""
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
    """Return the pictures by primary key (as text), with a number of queries independent of the number of rows."""
    found: dict[str, list[ProductPicture]] = {}
    for picture in description.list_pictures([row.pk for row in rows]):
        found.setdefault(picture.object_id, []).append(picture)
    return found


@dataclass(frozen=True)
class ProductReference:
    """A product in a request: its id, its index in ``images``, and the caller's own id for it."""

    product: str
    position: int
    external_id: str = ""


@dataclass(frozen=True)
class ProductSelection:
    """Existing products: primary keys by description; the caller's own ids by description and primary key (as text)."""

    keys: dict[ProductImages, list[Any]]
    external_ids: dict[tuple[ProductImages, str], list[str]]


def select(references: Sequence[ProductReference], viewer: Viewer) -> ProductSelection:
    """Return the products of the references. Raises ``ValidationError`` for a missing one, ``PermissionDenied``."""
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
        existing = set(viewer.rows(description).filter(pk__in=wanted).values_list("pk", flat=True))
        missing = next((key for key in wanted if key not in existing), None)
        if missing is not None:
            sentence = f"There is no product “{identity(description, missing)}”."
            raise _invalid(positions[description, missing], sentence)
    return ProductSelection(keys, external_ids)


def _invalid(position: int, sentence: str) -> ValidationError:
    return ValidationError({"images": {str(position): [sentence]}})


def _not_found(identity: str) -> NotFound:
    return NotFound(f"There is no product “{identity[:100]}”.")
