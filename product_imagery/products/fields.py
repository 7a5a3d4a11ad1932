"""Base class of descriptions, for models with pictures in fields of their own or of a row that they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import Storage
from django.db import models, router
from django.db.models import Exists, OuterRef

from product_imagery.products.addresses import name_of_address, storage_of_addresses
from product_imagery.products.declarations import Declaration
from product_imagery.products.names import readable, transliterator
from product_imagery.products.paths import FieldPath, beyond, place_of_row
from product_imagery.products.pictures import ProductPicture
from product_imagery.products.values import read_values, value_of
from product_imagery.products.writing import write_name
from product_imagery.rows import portions, read_rows, unopened


class ProductImages(Declaration):
    """Description of a model with pictures in fields. Subclass it and decorate with ``@register(Model)``.

    A path such as ``image__file`` leads over relations to one row. Where a value is only read, as ``name`` is, the
    attribute can be a path, a property or method of the model, a method of the description, or a function of the row.
    """

    #: path to the ImageField that is read
    source: ClassVar[str] = ""
    #: address of a source that is no file of the shop; with ``source`` as well, of one that is not there yet
    source_url: ClassVar[Any] = ""
    #: path to the ImageField that is written; by default ``source``. The previous file is kept
    target: ClassVar[str] = ""
    #: name of the product; by default ``str(product)``
    name: ClassVar[Any] = ""
    #: readable part of the names of published files; by default the name of the product
    file_name: ClassVar[Any] = ""
    #: keep letters of other scripts in names of files; ``False`` drops them
    allow_unicode: ClassVar[bool] = True
    #: write names of files in Latin letters, with the package ``anyascii``
    transliterate: ClassVar[bool] = False
    #: a field, or relation, by which products are grouped; approval rules can name one of its values
    category: ClassVar[str] = ""
    #: call ``save(update_fields=…)`` of the row after it was written, for the shop's receivers and histories
    use_save: ClassVar[bool] = False

    def __init__(self, model: type[models.Model]) -> None:
        super().__init__(model)
        self.check()

    # For subclasses of the shop

    def after_write(self, row: models.Model, version: Any) -> None:
        """Refresh what the shop has made from a picture, after its publication or restoration was committed.

        ``row`` has the target field. ``version`` is an ``ImageVersion``; its ``restored_at`` is set if the earlier
        picture was put back. An error is logged and changes nothing.
        """

    # Checks at registration

    def check(self) -> None:
        """Validate the attributes. Raises ``RegistrationError``, which names the mistake."""
        self._check_names()
        self._check_source()
        for attribute in ("name", "file_name"):
            self._check_value(self.model, attribute)
        if self.category:
            self._field(self.model, "category", self.category)
        if self.transliterate:
            try:
                transliterator()
            except ImportError:
                raise self._wrong("transliterate needs the package anyascii: pip install anyascii.") from None

    def _check_source(self) -> None:
        self._check_value(self.link_model, "source_url")
        source, target = self.source_path, self.target_path
        if source and source.within(target.prefix) is None:
            raise self._wrong("target has to be a field of the row with the source, or of one that refers to it.")
        if self.source_url and target.prefix:
            raise self._wrong(f"with source_url, target has to be a field of {self.link_model.__name__} itself.")

    # Used by flows

    #: lookup of the rows that have the pictures, or refer to them; empty for the product itself
    link = ""

    @property
    def link_model(self) -> type[models.Model]:
        """Model of the rows that have the pictures, or refer to them."""
        return self.model

    @cached_property
    def source_path(self) -> FieldPath | None:
        """Path of the source from the row of ``link``; ``None`` where sources have only addresses."""
        return self._source_path("source", self.source)

    @cached_property
    def target_path(self) -> FieldPath:
        """Path of the target from the row of ``link``."""
        if not self.target and self.source_path:
            return self.source_path
        return self._file_path(self.link_model, "target", self.target)

    def _source_path(self, attribute: str, path: str) -> FieldPath | None:
        return None if self.source_url and not path else self._file_path(self.link_model, attribute, path)

    @property
    def holder(self) -> type[models.Model]:
        """Model whose rows have the target field."""
        return self.target_path.owner

    @property
    def has_slots(self) -> bool:
        """True if a picture is in another row than the product's. The row's key is its slot then."""
        return bool(self.link or self.target_path.prefix)

    @property
    def is_in_place(self) -> bool:
        """True if pictures are written to the field that they are read from."""
        return self.source_path == self.target_path

    @property
    def source_from_holder(self) -> FieldPath | None:
        """Path of the source from the row with the target."""
        return self.source_path.within(self.target_path.prefix) if self.source_path else None

    @property
    def source_field(self) -> models.FileField:
        """Field that is read; where sources have only addresses, one of no model, in the storage of results."""
        return self.source_path.field if self.source_path else models.FileField(storage=storage_of_addresses)

    @property
    def target_field(self) -> models.FileField:
        """Field that is written."""
        return self.target_path.field

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
            labels = read_rows(self.model._base_manager.order_by("pk"), some, self.label)
            seen: set[tuple[Any, Any]] = set()
            for picture in self._read(some, labels):
                if picture.source_name and (picture.object_id, picture.slot) not in seen:
                    seen.add((picture.object_id, picture.slot))
                    yield picture

    def _read(self, ids: Sequence[Any], labels: dict[Any, str | None]) -> Iterator[ProductPicture]:
        rows: Iterable[Any] = self._rows(ids)
        addresses: dict[Any, Any] = {}
        if self.source_url:
            rows = list(rows)
            addresses = read_values(self.link_model, [row[1] for row in rows], self.named("source_url"))
        for row in rows:
            product, link, slot = row[:3]
            if slot is not None and product in labels:
                yield self._picture(row, labels[product], str(addresses.get(link) or ""))

    def _rows(self, ids: Sequence[Any]) -> Iterable[Any]:
        """Return the columns of the rows with pictures, in their order."""
        rows = self.model._base_manager.filter(pk__in=ids).order_by("pk")
        return rows.values_list(*self._columns()).iterator()

    def _columns(self) -> tuple[str, ...]:
        """Return the columns of keys and file names. Reading columns, not instances, opens no file."""
        source, target = self.source_path or self.target_path, self.target_path
        from_link = ("pk", beyond(target.prefix, "pk"), source.key, target.key, source.lookup, target.lookup)
        return ("pk", *(beyond(self.link, lookup) for lookup in from_link))

    def _picture(self, row: Sequence[Any], label: str | None, address: str) -> ProductPicture:
        product, _link, slot, source_key, target_key, source, target = row
        source = str(source or "") if self.source_path else ""
        return ProductPicture(
            str(product),
            str(slot) if self.has_slots else "",
            source or name_of_address(address),
            str(target or ""),
            f"{product}" if label is None else label,
            address,
            place=place_of_row(self.target_field, target_key),
            source_place=place_of_row(self.source_field, source_key) if self.source_path else "",
            is_readable=label is not None,
        )

    def cover_slots(self, ids: Sequence[Any]) -> set[str]:
        """Return the slots of the pictures that are covers; a single picture is none."""
        return set()

    def place_of(self, object_id: str, slot: str) -> str:
        """Return the place where the picture is written, without a query."""
        if self.has_slots:
            return place_of_row(self.target_field, slot)
        return place_of_row(self.target_field, f"{object_id}/{slot}" if slot else object_id)

    def label(self, product: models.Model) -> str:
        """Return the label of a product, of at most 200 characters."""
        label = value_of(product, self.named("name")) if self.name else None
        return str(product if label is None else label)[:200]

    def file_stem(self, object_id: str, label: str) -> str:
        """Return the readable part of the names of a product's published files."""
        text = label
        if self.file_name:
            product = unopened(self.model._base_manager.filter(pk=object_id)).first()
            text = str((product and value_of(product, self.named("file_name"))) or label)
        text = transliterator()(text) if self.transliterate else text
        return readable(text, allow_unicode=self.allow_unicode) or readable(
            f"{self.model._meta.model_name} {object_id}"
        )

    def rows_of(self, object_id: str, slot: str) -> models.QuerySet[models.Model]:
        """Return the query of the row with the target field; empty if it is gone, or belongs to the product no more."""
        if not self.has_slots:
            return self.model._base_manager.filter(pk=object_id)
        path = beyond(self.link, self.target_path.prefix, "pk")
        product = self.model._base_manager.filter(**{"pk": object_id, path: OuterRef("pk")})
        return self.holder._base_manager.filter(Exists(product), pk=slot)

    def write(self, object_id: str, slot: str, *, expected: str, name: str | None) -> bool:
        """Write the file name to the target field if that holds ``expected``; return whether it did.

        ``None`` writes NULL and an empty name writes an empty string, so that restoring is exact.

        This is one conditional update of the table that has the field: it does not overwrite a concurrent change.
        Fields with ``auto_now`` and the picture's width and height are updated. The model's ``save()`` is called after
        that with ``use_save``, else not at all.
        """
        row = unopened(self.rows_of(object_id, slot)).first()
        if row is None:
            return False
        written = write_name(row, self.target_field, expected=expected, name=name)
        if written and self.use_save:
            self.save(self.holder._base_manager.get(pk=row.pk), written)
        return bool(written)

    def save(self, row: models.Model, fields: Sequence[str]) -> None:
        """Save a row that was written, with ``use_save``: the shop's receivers and histories learn of it."""
        row.save(update_fields=fields)
