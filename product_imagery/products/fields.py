"""Descriptions of models with pictures in fields of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import Storage
from django.db import models, router

from product_imagery.products.declarations import Declaration, ProductPicture, place_of_row
from product_imagery.rows import portions, read_rows, unopened


class ProductImages(Declaration):
    """Description of a model with pictures in its own fields. Subclass it and decorate with ``@register(Model)``."""

    #: the ImageField that is read
    source: ClassVar[str] = ""
    #: the ImageField that is written; by default ``source``. The previous file is kept
    target: ClassVar[str] = ""
    #: the field with the name of the product; by default ``str(product)``
    name: ClassVar[str] = ""
    #: a field, or relation, by which products are grouped; approval rules can name one of its values
    category: ClassVar[str] = ""

    def __init__(self, model: type[models.Model]) -> None:
        super().__init__(model)
        self.check()

    # Checks at registration

    def check(self) -> None:
        """Validate the attributes. Raises ``RegistrationError``, which names the mistake."""
        self._check_names()
        self._image_field(self.model, "source", self.source)
        self._image_field(self.model, "target", self.target or self.source)
        for attribute in ("name", "category"):
            if getattr(self, attribute):
                self._field(self.model, attribute, getattr(self, attribute))

    # Used by flows

    @property
    def holder(self) -> type[models.Model]:
        """Model whose rows hold the pictures."""
        return self.model

    @property
    def source_field(self) -> models.FileField:
        """Field that is read."""
        return self._image_field(self.holder, "source", self.source)

    @property
    def target_field(self) -> models.FileField:
        """Field that is written."""
        return self._image_field(self.holder, "target", self.target or self.source)

    @property
    def storage(self) -> Storage:
        """Storage of the source files."""
        return self.source_field.storage

    @property
    def target_storage(self) -> Storage:
        """Storage of published files."""
        return self.target_field.storage

    def content_type(self) -> ContentType:
        """Return the content type of the product's model, which is the model that people select."""
        return ContentType.objects.get_for_model(self.model, for_concrete_model=False)

    def list_pictures(self, ids: Sequence[Any]) -> Iterator[ProductPicture]:
        """Yield the pictures of the products with these primary keys, except those without a file.

        Makes two queries per 10,000 products. A row that cannot be read does not affect the others.
        """
        for some in portions(ids, router.db_for_read(self.model)):
            labels = self._labels(some)
            rows = self.model._base_manager.filter(pk__in=some).order_by("pk")
            columns = rows.values_list("pk", "pk", *self._columns())
            yield from self._pictures(columns.iterator(), labels, has_slots=False)

    def _columns(self) -> tuple[str, ...]:
        """Return the columns of keys and file names. Reading columns, not instances, opens no file."""
        source, target = self.source_field, self.target_field
        keys = (source.model._meta.pk.attname, target.model._meta.pk.attname)
        return (*keys, source.attname, target.attname)

    def _labels(self, ids: Sequence[Any]) -> dict[Any, str | None]:
        """Return labels by primary key; ``None`` where the shop's own code raises."""
        return read_rows(self.model._base_manager.order_by("pk"), ids, self.label)

    def _pictures(self, rows: Any, labels: dict[Any, str | None], *, has_slots: bool) -> Iterator[ProductPicture]:
        for product, slot, source_key, target_key, source, target in rows:
            if source and product in labels:
                label = labels[product]
                yield ProductPicture(
                    str(product),
                    str(slot) if has_slots else "",
                    str(source),
                    str(target or ""),
                    f"{product}" if label is None else label,
                    place=place_of_row(self.target_field, target_key),
                    source_place=place_of_row(self.source_field, source_key),
                    is_readable=label is not None,
                )

    def cover_slots(self, ids: Sequence[Any]) -> set[str]:
        """Return the slots of the pictures that are covers; a single picture is none."""
        return set()

    def place_of(self, object_id: str, slot: str) -> str:
        """Return the place where the picture is written, without a query."""
        return place_of_row(self.target_field, f"{object_id}/{slot}" if slot else object_id)

    def label(self, product: models.Model) -> str:
        """Return the label of a product, of at most 200 characters."""
        return str(getattr(product, self.name) if self.name else product)[:200]

    def write(self, object_id: str, slot: str, *, expected: str, name: str | None) -> bool:
        """Write the file name to the target field if that holds ``expected``; return whether it did.

        ``None`` writes NULL and an empty name writes an empty string, so that restoring is exact.

        This is one conditional update of the table that has the field: it neither overwrites a concurrent change nor
        calls the model's ``save()``. Fields with ``auto_now`` and the picture's width and height are updated.
        """
        row = unopened(self.rows_of(object_id, slot)).first()
        if row is None:
            return False
        field = self.target_field
        empty = models.Q(**{field.name: ""}) | (models.Q(**{field.name: None}) if field.null else models.Q())
        condition = models.Q(**{field.name: expected}) if expected else empty
        changes: dict[str, Any] = {field.name: name}
        derived = self._derived(row, name or "")
        own = {key: value for key, value in derived.items() if row._meta.get_field(key).model is field.model}
        rows = field.model._base_manager.filter(pk=getattr(row, field.model._meta.pk.attname))
        done = bool(rows.filter(condition).update(**changes, **own))
        rest = {key: value for key, value in derived.items() if key not in own}
        if done and rest:  # columns in another table (multi-table inheritance)
            self.rows_of(object_id, slot).update(**rest)
        return done

    def _derived(self, row: models.Model, name: str) -> dict[str, Any]:
        touched = [field for field in row._meta.concrete_fields if getattr(field, "auto_now", False)]
        values: dict[str, Any] = {field.name: field.pre_save(row, add=False) for field in touched}
        field: Any = self.target_field
        dimensions = [key for key in (getattr(field, "width_field", ""), getattr(field, "height_field", "")) if key]
        if dimensions:
            setattr(row, field.name, name)
            field.update_dimension_fields(row, force=True)
            values |= {key: getattr(row, key) for key in dimensions}
        return values

    def rows_of(self, object_id: str, slot: str) -> models.QuerySet[models.Model]:
        """Return the query of the row that holds the picture; empty if it is gone."""
        return self.model._base_manager.filter(pk=object_id)
