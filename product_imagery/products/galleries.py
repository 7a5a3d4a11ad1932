"""Descriptions of models whose pictures are several rows: of a related model, or of one that those refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar

from django.db import models

from product_imagery.products.fields import ProductImages
from product_imagery.products.paths import FieldPath, beyond
from product_imagery.products.values import field_at, read_values


class GalleryImages(ProductImages):
    """Description of a model whose pictures are related rows, each with an image field or a path to one.

    The relation can be the reverse side of a ForeignKey, a ManyToManyField, a GenericRelation, or a path that ends with
    one of them. ``primary``, ``cover`` and ``order`` are read from the related rows.
    """

    #: the relation, as in ``product.photos``
    pictures: ClassVar[str] = ""
    #: path from a related row to the ImageField that is read; ``target`` can name another one to write
    field: ClassVar[str] = ""
    #: the order of the pictures: a field, several, with ``-`` for the reverse order, or a value to sort by
    order: ClassVar[Any] = ""
    #: true for the pictures to be enhanced; the others are left out
    primary: ClassVar[Any] = ""
    #: true for the cover; only shown. By default ``primary``
    cover: ClassVar[Any] = ""

    def check(self) -> None:
        """Validate the attributes. Raises ``RegistrationError``, which names the mistake."""
        super().check()
        for attribute in ("order", "primary", "cover"):
            self._check_value(self.link_model, attribute)
        for attribute in ("primary", "cover"):
            field = field_at(self.link_model, self.named(attribute))
            if field and not isinstance(field, models.BooleanField):
                path = f"{attribute} = “{getattr(self, attribute)}”"
                raise self._wrong(f"{path} has to be a BooleanField of {self.link_model.__name__}.")

    @cached_property
    def _relation(self) -> tuple[str, type[models.Model]]:
        return self._relation_path(self.model, "pictures", self.pictures)

    @property
    def link(self) -> str:  # type: ignore[override]
        """Lookup of the related rows."""
        return self._relation[0]

    @property
    def link_model(self) -> type[models.Model]:
        """Model of the related rows."""
        return self._relation[1]

    @cached_property
    def source_path(self) -> FieldPath | None:
        """Path of the source from a related row; ``None`` where sources have only addresses."""
        return self._source_path("field", self.field)

    def _rows(self, ids: Sequence[Any]) -> Iterable[Any]:
        """Return the columns of the related rows in their order, except those that the default manager hides."""
        primary, order = self.named("primary"), self.named("order")
        chosen = {beyond(self.link, primary): True} if field_at(self.link_model, primary) else {}
        rows = self._visible(ids, chosen).order_by("pk", *self._sorted_by(order), beyond(self.link, "pk"))
        columns = rows.values_list(*self._columns())
        if primary and not chosen:
            found = list(columns)
            marks = read_values(self.link_model, [row[1] for row in found], primary)
            return self._in_order([row for row in found if marks.get(row[1])], order)
        return self._in_order(columns.iterator(), order)

    def _visible(self, ids: Sequence[Any], chosen: dict[str, Any]) -> models.QuerySet[models.Model]:
        """Return the query of products joined with their related rows. All conditions hold for the same row."""
        shown = self.link_model._default_manager.all()
        conditions = chosen | ({f"{self.link}__in": shown} if shown.query.where else {f"{self.link}__isnull": False})
        return self.model._base_manager.filter(pk__in=ids, **conditions)

    def _sorted_by(self, order: Any) -> list[str]:
        """Return the lookups of an order that the database can follow."""
        fields = [order] if isinstance(order, str) and order else [] if callable(order) else list(order)
        if not all(field_at(self.link_model, path.removeprefix("-")) for path in fields):
            return []
        return [f"{'-' * path.startswith('-')}{beyond(self.link, path.removeprefix('-'))}" for path in fields]

    def _in_order(self, rows: Iterable[Any], order: Any) -> Iterator[Any]:
        """Yield the rows of each product in an order that only the shop's code knows."""
        if not order or self._sorted_by(order):
            yield from rows
            return
        found = list(rows)
        values = read_values(self.link_model, [row[1] for row in found], order)
        for _product, some in groupby(found, key=itemgetter(0)):
            yield from sorted(some, key=lambda row: (values.get(row[1]) is None, values.get(row[1])))

    def cover_slots(self, ids: Sequence[Any]) -> set[str]:
        """Return the slots of the pictures that are covers."""
        mark = self.named("cover" if self.cover else "primary")
        if not mark:
            return set()
        chosen = {beyond(self.link, mark): True} if field_at(self.link_model, mark) else {}
        columns = beyond(self.link, "pk"), beyond(self.link, self.target_path.prefix, "pk")
        rows = dict(self._visible(ids, chosen).values_list(*columns))
        marks = dict.fromkeys(rows, True) if chosen else read_values(self.link_model, list(rows), mark)
        return {str(slot) for link, slot in rows.items() if marks.get(link) and slot is not None}
