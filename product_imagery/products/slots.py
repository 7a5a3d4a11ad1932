"""The place of one picture on its product, read once for a publication."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.db.models import F
from django.utils.translation import gettext

from product_imagery.exceptions import RequestError
from product_imagery.products.declarations import place_of_row
from product_imagery.products.fields import ProductImages
from product_imagery.rows import unopened

_SOURCE, _TARGET = "imagery_source_name", "imagery_target_name"


@dataclass(frozen=True)
class ProductSlot:
    """The row that holds a picture, with the names of its files as they were when it was read."""

    description: ProductImages
    row: models.Model
    source_name: str
    target_name: str
    is_null: bool  #: of the target field

    @property
    def source_place(self) -> str:
        """Place where the picture is read."""
        field = self.description.source_field
        return place_of_row(field, getattr(self.row, field.model._meta.pk.attname))

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
    fields = {_SOURCE: F(description.source_field.name), _TARGET: F(description.target_field.name)}
    row = unopened(description.rows_of(object_id, slot)).annotate(**fields).first()
    if row is None:
        return None
    source, target = getattr(row, _SOURCE), getattr(row, _TARGET)
    return ProductSlot(description, row, str(source or ""), str(target or ""), is_null=target is None)
