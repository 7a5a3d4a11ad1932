"""The place of one picture on its product, read once for a publication."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.db.models import F
from django.utils.translation import gettext

from product_imagery.exceptions import RequestError
from product_imagery.products.addresses import name_of_address
from product_imagery.products.fields import ProductImages
from product_imagery.products.paths import place_of_row
from product_imagery.products.values import value_of
from product_imagery.rows import unopened

_SOURCE, _SOURCE_KEY, _TARGET = "imagery_source_name", "imagery_source_key", "imagery_target_name"


@dataclass(frozen=True)
class ProductSlot:
    """The row that holds a picture, with the names of its files as they were when it was read."""

    description: ProductImages
    row: models.Model
    source_name: str
    source_place: str  #: empty where the source has only an address
    target_name: str
    is_null: bool  #: of the target field

    def published_name(self, stem: str, ending: str) -> str:
        """Return the name that the target field's ``upload_to`` generates for the file ``stem-ending``.

        The stem is shortened until the name fits the field. Raises ``RequestError`` if even the shortest name does not
        fit.
        """
        field = self.description.target_field
        most = field.max_length or 1000
        for length in range(len(stem), -1, -8):
            name = field.generate_filename(self.row, f"{stem[:length]}-{ending}".lstrip("-"))
            if len(name) <= most:
                return name
        raise RequestError(
            gettext("The field %(field)s is too short for a file name: give it max_length=255.") % {"field": field}
        )


def read_slot(description: ProductImages, object_id: str, slot: str) -> ProductSlot | None:
    """Read the place of a picture with one query, which opens no file; ``None`` if the product is gone."""
    source = description.source_from_holder
    read = {_SOURCE: F(source.lookup), _SOURCE_KEY: F(source.key)} if source else {}
    rows = unopened(description.rows_of(object_id, slot))
    row = rows.annotate(**read, **{_TARGET: F(description.target_field.name)}).first()
    if row is None:
        return None
    name, target = str(getattr(row, _SOURCE, "") or ""), getattr(row, _TARGET)
    if not name and description.source_url:
        name = name_of_address(str(value_of(row, description.named("source_url")) or ""))
    place = place_of_row(description.source_field, getattr(row, _SOURCE_KEY)) if source else ""
    return ProductSlot(description, row, name, place, str(target or ""), is_null=target is None)
