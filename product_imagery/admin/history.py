"""Entries in the admin's own history (``LogEntry``) for steps that spend money or change a product or a secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest

from product_imagery.admin.base import user_of
from product_imagery.models import EnhancementItem, ImageVersion


class Product(NamedTuple):
    """One of the shop's products as an entry names it, without a query to the shop's table."""

    content_type_id: int
    object_id: str
    label: str


def product_of(row: EnhancementItem | ImageVersion) -> Product:
    """Return the product that an item or a version belongs to."""
    return Product(row.content_type_id, row.object_id, row.label)


def record(request: HttpRequest, sentences: Mapping[Model | Product, str], flag: int = CHANGE) -> None:
    """Write one entry for each object, with its sentence and the person who is logged in, in a single query.

    ``flag`` is one of Django's action flags.
    """
    entries = []
    for subject, sentence in sentences.items():
        content_type_id, object_id, label = subject if isinstance(subject, Product) else _named(subject)
        named = {"content_type_id": content_type_id, "object_id": object_id, "object_repr": label[:200]}
        entries.append(LogEntry(user_id=user_of(request).pk, action_flag=flag, change_message=sentence, **named))
    LogEntry.objects.bulk_create(entries)


def record_each(request: HttpRequest, subjects: Iterable[Model | Product], sentence: str) -> None:
    """Write the same entry for each object."""
    record(request, dict.fromkeys(subjects, sentence))


def _named(subject: Model) -> Product:
    content_type = ContentType.objects.get_for_model(subject, for_concrete_model=False)
    return Product(content_type.pk, str(subject.pk), str(subject))
