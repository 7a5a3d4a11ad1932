"""Tables for models that a test defines, as those of a shop with fields of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.contenttypes.models import ContentType
from django.db import connection, models

from product_imagery.products import unregister


@contextmanager
def tables_of(*kinds: type[models.Model]) -> Iterator[None]:
    """Create the tables of models; afterwards delete them, and forget the models with their descriptions."""
    with connection.schema_editor() as editor:
        for kind in kinds:
            editor.create_model(kind)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            for kind in reversed(kinds):
                editor.delete_model(kind)
        for kind in kinds:
            unregister(kind)
            known = kind._meta.apps.all_models[kind._meta.app_label]
            links = [field.remote_field.through for field in kind._meta.local_many_to_many]
            for made in (kind, *(link for link in links if link._meta.auto_created)):
                del known[made._meta.model_name]
            kind._meta.apps.clear_cache()
        ContentType.objects.clear_cache()
