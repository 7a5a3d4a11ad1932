"""The fallback for unknown URLs below the API."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from product_imagery.api.base import ApiView


class Fallback(ApiView):
    """Respond to every method with a 404 in the error envelope."""

    schema = None  # type: ignore[assignment]
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise ``NotFound`` before parsers, limits and permissions are checked."""
        raise NotFound("There is nothing at this URL.")
