"""Typed reading of JSON that a provider sends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from product_imagery.exceptions import ProviderUnavailable
from product_imagery.texts import gettext


class Fields:
    """Typed access to the fields of a JSON object. A wrong type raises ``ProviderUnavailable``."""

    def __init__(self, value: Any, where: str = "answer") -> None:
        if not isinstance(value, dict):
            raise unreadable(f"{where} is not an object")
        self._values, self._where = value, where

    def has(self, name: str) -> bool:
        """Return whether the field is an object."""
        return isinstance(self._values.get(name), dict)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string that is not empty; ``default`` if it is missing or null."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (not value and default is None):
            raise unreadable(f"{self._where}.{name} is not a text")
        return storable(value)

    def identity(self, name: str = "id") -> str:
        """Return a string that can be an id: not empty, at most 120 characters."""
        value = self.text(name)
        if len(value) > 120:
            raise unreadable(f"{self._where}.{name} is too long for an id")
        return value

    def integer(self, name: str) -> int:
        """Return an integer that is not negative and fits into 64 bits."""
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            raise unreadable(f"{self._where}.{name} is not a whole number")
        return value

    def amount(self, name: str) -> Decimal | None:
        """Return a number that is not negative, else ``None``: a wrong amount is no reason to lose a job."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
            return None
        return Decimal(str(value))

    def object(self, name: str) -> Fields:
        """Return an object inside this one."""
        return Fields(self._values.get(name), f"{self._where}.{name}")

    def objects(self, name: str) -> list[Fields]:
        """Return a list of objects; empty if it is missing."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise unreadable(f"{self._where}.{name} is not a list")
        return [Fields(one, f"{self._where}.{name}") for one in value]


def parse_json(body: bytes, status: int | None = None) -> Any:
    """Return the JSON value in ``body``, of a response with ``status``. Raises ``ProviderUnavailable``."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise unreadable(f"not JSON: {body[:200]!r}", status) from error


def storable(text: str) -> str:
    """Return text that every database accepts: no NUL, no lone surrogates, at most 4,096 characters."""
    return text[:4096].replace("\0", "").encode("utf-8", "replace").decode()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def unreadable(detail: str, status: int | None = None) -> ProviderUnavailable:
    """Return the exception for a response that cannot be read. It proves nothing about the request."""
    message = gettext("The provider's response cannot be read.")
    return ProviderUnavailable(message, code="unreadable_answer", detail=detail, status=status)
