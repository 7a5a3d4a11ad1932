"""The OpenAPI schema of the API, served from the packaged ``openapi.json``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.base import ApiView

FILE = Path(__file__).parents[1] / "openapi.json"


class Schema(ApiView):
    """Serve the packaged schema, also without a key."""

    schema = None  # type: ignore[assignment]
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        """Return the schema with this site's base URL in ``servers``."""
        base = request.build_absolute_uri(request.path.removesuffix("/schema"))
        return Response({**_packaged(), "servers": [{"url": base}]})


@cache
def _packaged() -> dict[str, Any]:
    """Return the content of the file, which is read once per process."""
    return dict(json.loads(FILE.read_text()))
