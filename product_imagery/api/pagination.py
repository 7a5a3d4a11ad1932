"""Lists: the newest first, by ``limit`` and ``cursor``, or by ``offset`` for the first thousands."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

_LIMIT, MOST = 20, 100
FARTHEST = 10_000  #: rows that an offset may skip: further on only a cursor is fast


@dataclass(frozen=True)
class Page:
    """Rows of one page, and the cursor of the next; empty on the last."""

    rows: list[Any]
    next_cursor: str


def paginate(request: Request, rows: QuerySet[Any]) -> Page:
    """Cut a page out of ``rows``, in one query whatever its place. Raises ``ValidationError``."""
    limit = _number(request, "limit", _LIMIT, 1, MOST)
    offset = _number(request, "offset", 0, 0, FARTHEST)
    cursor = request.query_params.get("cursor", "")
    if cursor and offset:
        raise ValidationError({"offset": ["Give a cursor or an offset, not both."]})
    if cursor:
        rows = rows.filter(pk__lt=_read(cursor))
    found = list(rows.order_by("-pk")[offset : offset + limit + 1])
    return Page(found[:limit], _cursor(found[limit - 1].pk) if len(found) > limit else "")


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most or len(text) > 9:
        raise ValidationError({name: [f"Write a whole number from {least} to {most}."]})
    return int(text)


def _cursor(pk: int) -> str:
    return base64.urlsafe_b64encode(f"pk:{pk}".encode()).decode().rstrip("=")


def _read(cursor: str) -> int:
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        if kind != "pk" or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise ValueError(cursor)
        return int(number)
    except (ValueError, binascii.Error) as error:
        raise ValidationError({"cursor": ["This is no cursor of ours."]}) from error
