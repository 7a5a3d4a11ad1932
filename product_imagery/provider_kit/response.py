"""Responses that are sent into a provider's generators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from product_imagery.provider_kit.json_reader import Fields, parse_json


@dataclass(frozen=True)
class Response:
    """A response of at most 1 MiB; header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_page(self) -> bool:
        """True for an HTML page, which is for a browser, not for an API client."""
        return self.headers.get("content-type", "").lower().startswith("text/html")

    def fields(self) -> Fields:
        """Return the JSON object in the body. Raises ``ProviderUnavailable``: an unreadable response proves nothing."""
        return Fields(self.json())

    def json(self) -> Any:
        """Return the JSON value in the body. Raises ``ProviderUnavailable``."""
        return parse_json(self.body, self.status)
