"""Variations of django-stdimage, which the library makes only when a file is saved through its field."""

from __future__ import annotations

from typing import Any

from django.db import models

from product_imagery.products import ProductImages


class StdImageMixin(ProductImages):
    """Renders missing variations of a ``StdImageField`` after a publication and a restoration."""

    def after_write(self, row: models.Model, version: Any) -> None:
        """Render the variations, unless the field's own ``render_variations`` does or forbids it."""
        super().after_write(row, version)
        field: Any = self.target_field
        file = getattr(row, field.name)
        if not file:
            return
        wanted = field.render_variations
        if callable(wanted):
            wanted = wanted(file_name=file.name, variations=field.variations, storage=file.storage)
        if wanted:
            file.render_variations(replace=False)
