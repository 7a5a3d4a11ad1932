"""What was made and published before is known by its picture: no look that is there already is bought once more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import migrations, models

from product_imagery.exceptions import RegistrationError
from product_imagery.flows.identity import spec_of, work_key
from product_imagery.products import description_of

_BATCH = 500


def name_places(apps: Any, schema_editor: Any) -> None:
    places = _Places()
    for versions in _batches(apps.get_model("product_imagery", "ImageVersion").objects):
        for version in versions:
            version.place = places.of(version)
        type(versions[0]).objects.bulk_update(versions, ["place"])
    items = apps.get_model("product_imagery", "EnhancementItem").objects
    for some in _batches(items.select_related("enhancement__credential").order_by("pk")):
        active = [item.active_key for item in some if item.active_key]
        for item in some:
            item.place = places.of(item)
            item.work_key = _key(item)
            if item.active_key and item.work_key not in active:  # of two that were one all along, one keeps its own
                active.append(item.work_key)
                item.active_key = item.work_key
        taken = set(items.filter(active_key__in=active).exclude(pk__in=[item.pk for item in some]).values_list("active_key", flat=True))
        for item in some:
            if item.active_key in taken:
                item.active_key = f"{item.pk}"
        type(some[0]).objects.bulk_update(some, ["place", "work_key", "active_key"])


def _batches(rows: Any) -> Iterator[list[Any]]:
    last = 0
    while some := list(rows.filter(pk__gt=last).order_by("pk")[:_BATCH]):
        yield some
        last = some[-1].pk


def _key(item: Any) -> str:
    made = item.enhancement
    mode = "sandbox" if made.is_sandbox else made.is_test
    return work_key(item.place, item.source_name, spec_of(made.credential.provider, made.operation, made.options, mode))


class _Places:
    """Places of pictures by what was written down of them; of a model that is registered no longer, by its name."""

    def __init__(self) -> None:
        self._models: dict[int, Any] = {}

    def of(self, row: Any) -> str:
        try:
            return description_of(self._model(row.content_type_id)).place_of(row.object_id, row.slot)
        except RegistrationError:
            return f"{row.content_type_id}:{row.object_id}:{row.slot}"

    def _model(self, pk: int) -> Any:
        from django.apps import apps
        from django.contrib.contenttypes.models import ContentType

        if pk not in self._models:
            content_type = ContentType.objects.filter(pk=pk).values_list("app_label", "model").first()
            try:
                self._models[pk] = apps.get_model(*content_type)
            except (LookupError, TypeError):
                self._models[pk] = None
        if self._models[pk] is None:
            raise RegistrationError("The model no longer exists.")
        return self._models[pk]


class Migration(migrations.Migration):

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("product_imagery", "0003_set_aside"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "enhancementitem", "place", models.CharField(default="", editable=False, max_length=255), False
        ),
        migrations.AddField("imageversion", "place", models.CharField(default="", editable=False, max_length=255), False),
        migrations.AddIndex(
            "enhancementitem", models.Index(fields=["place"], name="product_ima_place_d8cff9_idx")
        ),
        migrations.AddIndex(
            "imageversion", models.Index(fields=["place"], name="product_ima_place_deff05_idx")
        ),
        migrations.RunPython(name_places, migrations.RunPython.noop),
    ]
