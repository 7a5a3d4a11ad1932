"""Sizes and formats of django-pictures, which the library makes only when a file is saved through its field."""

from __future__ import annotations

from typing import Any

from django.db import models

from product_imagery.products import ProductImages


class PictureMixin(ProductImages):
    """Makes the files of a ``PictureField`` after a publication and a restoration."""

    def after_write(self, row: models.Model, version: Any) -> None:
        """Hand the picture to the processor that the shop has set: in place, or by its queue."""
        super().after_write(row, version)
        file: Any = getattr(row, self.target_field.name)
        file.save_all()
