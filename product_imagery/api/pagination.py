"""Pagination, newest first: by ``limit`` and ``cursor``, or by ``offset`` up to 10 000 rows."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError as FieldError
from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.products import identity_of, primary_key


class NewestFirstPagination(BasePagination):
    """Pages of one queryset, or of several one after the other, each by descending primary key.

    A page takes one query for each queryset from which it has rows. With a cursor, that query starts at the cursor, so
    the last page is as fast as the first.
    """

    default_limit = 20
    max_limit = 100
    max_offset = 10_000  #: beyond it, only a cursor is fast

    def __init__(self) -> None:
        self._next_cursor = ""
        self._view: Any = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the rows of the requested page. Raises ``ValidationError``."""
        return self.paginate_querysets([queryset], request, view)

    def paginate_querysets(self, querysets: Sequence[QuerySet[Any]], request: Request, view: Any) -> list[Any]:
        """Return the rows of the requested page of all querysets, in this order. Raises ``ValidationError``."""
        self._view = view
        limit = _number(request, "limit", self.default_limit, 1, self.max_limit)
        offset = _number(request, "offset", 0, 0, self.max_offset)
        cursor = request.query_params.get("cursor", "")
        if cursor and offset:
            raise ValidationError({"offset": ["Send a cursor or an offset, not both."]})
        if offset and len(querysets) > 1:
            raise ValidationError(
                {"offset": ["Use a cursor, or choose one kind: a list of several kinds has no offset."]}
            )
        found: list[Any] = []
        for rows in _after(cursor, querysets) if cursor else querysets:
            found += rows.order_by("-pk")[offset : offset + limit + 1 - len(found)]
            if len(found) > limit:
                self._next_cursor = cursor_of(found[limit - 1])
                return found[:limit]
        return found

    def get_paginated_response(self, data: Any) -> Response:
        """Return the envelope of a list with ``next_cursor``, which is empty on the last page."""
        response: Response = self._view.respond(self._view.plural, data, next_cursor=self._next_cursor)
        return response

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the query parameters for OpenAPI."""
        cursor = {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}
        return [
            _parameter(
                "limit", {"type": "integer", "minimum": 1, "maximum": self.max_limit}, "Number of rows per page."
            ),
            _parameter("cursor", cursor, "The next_cursor of the previous page."),
            _parameter(
                "offset", {"type": "integer", "minimum": 0, "maximum": self.max_offset}, "Number of rows to skip."
            ),
        ]


def _integer(minimum: int, maximum: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimum, "maximum": maximum}


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"in": "query", "name": name, "schema": schema, "description": description}


def _number(request: Request, name: str, default: int, minimum: int, maximum: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not minimum <= int(text[:9]) <= maximum or len(text) > 9:
        raise ValidationError({name: [f"Send a whole number from {minimum} to {maximum}."]})
    return int(text)


def cursor_of(last: Model) -> str:
    """Return the cursor of the page that starts after this row."""
    return base64.urlsafe_b64encode(identity_of(last).encode()).decode().rstrip("=")


def _after(cursor: str, querysets: Sequence[QuerySet[Any]]) -> list[QuerySet[Any]]:
    """Return the querysets of the rows after the cursor. Raises ``ValidationError``."""
    try:
        label, _, key = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        labels = [rows.model._meta.label_lower for rows in querysets]
        first = querysets[labels.index(label)]
        last = primary_key(first.model, key)
    except (ValueError, binascii.Error, FieldError) as error:
        raise ValidationError({"cursor": ["This is not a cursor of this list."]}) from error
    return [first.filter(pk__lt=last), *querysets[labels.index(label) + 1 :]]
