"""Lists: the newest first, by ``limit`` and ``cursor``, or by ``offset`` for the first thousands."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError as FieldError
from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from product_imagery.api.products import identity_of, primary_key

_LIMIT, MOST = 20, 100
FARTHEST = 10_000  #: rows that an offset may skip: further on only a cursor is fast


@dataclass(frozen=True)
class Page:
    """Rows of one page, and the cursor of the next; empty on the last."""

    rows: list[Any]
    next_cursor: str


def paginate(request: Request, *lists: QuerySet[Any]) -> Page:
    """Cut a page out of lists of several models, one after the other, each the newest first.

    As many queries whatever the page's place: one for each list that it touches. Raises ``ValidationError``.
    """
    limit = _number(request, "limit", _LIMIT, 1, MOST)
    offset = _number(request, "offset", 0, 0, FARTHEST)
    cursor = request.query_params.get("cursor", "")
    if cursor and offset:
        raise ValidationError({"offset": ["Give a cursor or an offset, not both."]})
    if offset and len(lists) > 1:
        raise ValidationError({"offset": ["This list of several kinds has a cursor only."]})
    rest = _after(cursor, lists) if cursor else list(lists)
    found: list[Any] = []
    for rows in rest:
        found += rows.order_by("-pk")[offset : offset + limit + 1 - len(found)]
        if len(found) > limit:
            return Page(found[:limit], _cursor(found[limit - 1]))
    return Page(found, "")


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most or len(text) > 9:
        raise ValidationError({name: [f"Write a whole number from {least} to {most}."]})
    return int(text)


def _cursor(last: Model) -> str:
    return base64.urlsafe_b64encode(identity_of(last).encode()).decode().rstrip("=")


def _after(cursor: str, lists: Sequence[QuerySet[Any]]) -> list[QuerySet[Any]]:
    """What comes after the row of the cursor."""
    try:
        label, _, key = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        labels = [rows.model._meta.label_lower for rows in lists]
        first = lists[labels.index(label)]
        last = primary_key(first.model, key)
    except (ValueError, binascii.Error, FieldError) as error:
        raise ValidationError({"cursor": ["This is no cursor of this list."]}) from error
    return [first.filter(pk__lt=last), *lists[labels.index(label) + 1 :]]
