"""JSON as it comes from outside: bounded in size and depth."""

from __future__ import annotations

import io
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from product_imagery.api.errors import TooLarge

MOST_BYTES = 1024 * 1024


class BoundedJSONParser(JSONParser):
    """Raises ``TooLarge`` for more than 1 MiB, ``ParseError`` for what is no JSON or nested beyond reason."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The JSON in the body."""
        content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise TooLarge("The request has more than 1 MB.")
        try:
            return super().parse(io.BytesIO(content), media_type, parser_context)
        except (RecursionError, UnicodeError) as error:
            raise ParseError("The request is not readable JSON.") from error
