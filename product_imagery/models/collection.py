"""Collections: named sets of results that are downloaded together."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from product_imagery.models.result import ResultImage


class Collection(models.Model):
    """A set of results of one owner. Deleting it deletes no result."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"), related_name="imagery_collections"
    )
    is_test = models.BooleanField(_("made with a test key"), default=False)
    name = models.CharField(_("name"), max_length=120)
    results = models.ManyToManyField(
        ResultImage, verbose_name=_("results"), through="CollectionEntry", related_name="collections"
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        ordering = ("-pk",)
        indexes = (models.Index(fields=["owner", "is_test", "-id"], name="imagery_collection_of"),)

    def __str__(self) -> str:
        return self.name

    def arranged(self) -> models.QuerySet[ResultImage]:
        """Return the results in the order in which people have put them; later ones follow."""
        found = ResultImage.objects.filter(entries__collection=self)
        return found.order_by(models.F("entries__position").asc(nulls_last=True), "entries__pk")

    def move(self, places: Mapping[int, int]) -> None:
        """Put results, by primary key, at other places, counted from 1; the others keep their order around them."""
        order = [pk for pk in self.arranged().values_list("pk", flat=True) if pk not in places]
        for pk, place in sorted(places.items(), key=lambda moved: moved[1]):
            order.insert(place - 1, pk)
        positions = {pk: position for position, pk in enumerate(order, start=1)}
        entries = list(self.entries.all())
        for entry in entries:
            entry.position = positions.get(entry.result_id)
        CollectionEntry.objects.bulk_update(entries, ["position"], batch_size=500)


class CollectionEntry(models.Model):
    """One result in a collection, at most once."""

    collection = models.ForeignKey(Collection, models.CASCADE, verbose_name=_("collection"), related_name="entries")
    result = models.ForeignKey(ResultImage, models.CASCADE, verbose_name=_("result"), related_name="entries")
    position = models.PositiveIntegerField(_("place"), null=True, editable=False)
    added_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["collection", "result"], name="imagery_entry_once"),)

    def __str__(self) -> str:
        return str(self.result)
