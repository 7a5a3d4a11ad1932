"""Small copies of the shop's pictures in several widths, made when a customer first asks for one."""

from __future__ import annotations

from typing import Any

from django.db.models import FileField
from django.urls import reverse

from example_project.shop.models import CollectionPhoto, Product
from product_imagery.flows.previews import small_copy

WIDTHS = (160, 320, 640, 1280)
#: fields whose files customers may see
_FIELDS = {"photo": (Product, "photo"), "enhanced": (Product, "enhanced_photo"), "gallery": (CollectionPhoto, "image")}


def shown(product: Product) -> tuple[str, str]:
    """Return kind and name of the picture that customers see; both are empty without one."""
    if product.enhanced_photo:
        return "enhanced", str(product.enhanced_photo.name)
    return ("photo", str(product.photo.name)) if product.photo else ("", "")


def address(kind: str, name: str, width: int) -> str:
    """Return the address of one rendition."""
    return reverse("rendition", args=[width, kind, name])


def sources(kind: str, name: str) -> str:
    """Return the value of ``srcset`` with all renditions of a picture."""
    return ", ".join(f"{address(kind, name, width)} {width}w" for width in WIDTHS)


def rendition(width: int, kind: str, name: str) -> str | None:
    """Return the name of a rendition in the storage of results; ``None`` if customers may not see the picture.

    Raises what ``small_copy`` raises.
    """
    model, attribute = _FIELDS.get(kind, (None, ""))
    if model is None or width not in WIDTHS or not _exists(model, attribute, name):
        return None
    field = model._meta.get_field(attribute)
    assert isinstance(field, FileField)
    return small_copy(field, name, width)


def _exists(model: Any, attribute: str, name: str) -> bool:
    return bool(model._default_manager.filter(**{attribute: name}).exists())
