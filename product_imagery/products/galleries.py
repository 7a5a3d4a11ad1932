"""Descriptions of models whose pictures are rows of a related model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django.db import models, router

from product_imagery.products.declarations import ProductPicture, place_of_row
from product_imagery.products.fields import ProductImages
from product_imagery.rows import portions


class GalleryImages(ProductImages):
    """Description of a model whose pictures are rows of a related model, each with an image field."""

    #: the reverse name of the related rows on the product, as in ``product.photos``
    pictures: ClassVar[str] = ""
    #: the ImageField of the related model that is read; ``target`` can name another one to write
    field: ClassVar[str] = ""
    #: a field of the related model by which pictures are ordered
    order: ClassVar[str] = ""
    #: a BooleanField of the related model; if given, only pictures for which it is true are enhanced
    primary: ClassVar[str] = ""
    #: a BooleanField of the related model that marks the cover; only shown. By default ``primary``
    cover: ClassVar[str] = ""

    def check(self) -> None:
        """Validate the attributes. Raises ``RegistrationError``, which names the mistake."""
        self._check_names()
        relation = self._field(self.model, "pictures", self.pictures)
        if not isinstance(relation, models.ManyToOneRel):
            wanted = f"the reverse side of a ForeignKey to {self.model.__name__}"
            raise self._wrong(f"pictures = “{self.pictures}” has to be {wanted}.")
        self._image_field(self.holder, "field", self.field)
        self._image_field(self.holder, "target", self.target or self.field)
        for attribute in ("order", "primary", "cover"):
            if getattr(self, attribute):
                self._field(self.holder, attribute, getattr(self, attribute))
        for attribute in ("primary", "cover"):
            name = getattr(self, attribute)
            if name and not isinstance(self.holder._meta.get_field(name), models.BooleanField):
                raise self._wrong(f"{attribute} = “{name}” has to be a BooleanField of {self.holder.__name__}.")
        for attribute in ("name", "category"):
            if getattr(self, attribute):
                self._field(self.model, attribute, getattr(self, attribute))

    @property
    def holder(self) -> type[models.Model]:
        """Related model, whose rows hold the pictures."""
        related = self._relation().related_model
        assert isinstance(related, type)
        return related

    @property
    def source_field(self) -> models.FileField:
        """Field that is read."""
        return self._image_field(self.holder, "field", self.field)

    @property
    def target_field(self) -> models.FileField:
        """Field that is written."""
        return self._image_field(self.holder, "target", self.target or self.field)

    def _relation(self) -> models.ManyToOneRel:
        relation = self._field(self.model, "pictures", self.pictures)
        assert isinstance(relation, models.ManyToOneRel)
        return relation

    def list_pictures(self, ids: Sequence[Any]) -> Iterator[ProductPicture]:
        """Yield the related rows of these products in their order, except those that the default manager hides.

        Makes two queries per 10,000 products.
        """
        link = self._relation().field
        for some in portions(ids, router.db_for_read(self.holder)):
            labels = self._labels(some)
            rows = self.holder._default_manager.filter(**{f"{link.name}__pk__in": some})
            if self.primary:
                rows = rows.filter(**{self.primary: True})
            rows = rows.order_by(f"{link.name}__pk", self.order or "pk")
            columns = rows.values_list(f"{link.name}__pk", "pk", *self._columns())
            yield from self._pictures(columns.iterator(), labels, has_slots=True)

    def cover_slots(self, ids: Sequence[Any]) -> set[str]:
        """Return the slots of the pictures that are covers, with one query."""
        mark = self.cover or self.primary
        if not mark:
            return set()
        rows = self.holder._default_manager.filter(**{f"{self._relation().field.name}__pk__in": ids, mark: True})
        return {str(pk) for pk in rows.values_list("pk", flat=True)}

    def place_of(self, object_id: str, slot: str) -> str:
        """Return the place of a picture without a query; the slot is the key of its row."""
        return place_of_row(self.target_field, slot)

    def rows_of(self, object_id: str, slot: str) -> models.QuerySet[models.Model]:
        """Return the query of the related row with this key, if it belongs to the product."""
        return self.holder._base_manager.filter(**{"pk": slot, f"{self._relation().field.name}__pk": object_id})
