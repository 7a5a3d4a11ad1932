"""What is asked of an address that does not exist."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from product_imagery.api.base import ApiView


class Nothing(ApiView):
    """404 in the envelope, for every method."""

    schema = None  # type: ignore[assignment]
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Before anything else is looked at."""
        raise NotFound("There is nothing at this address.")
