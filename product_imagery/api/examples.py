"""Examples."""

from __future__ import annotations

from typing import Any


def of(operation: str) -> list[Any]:
    """Of one operation."""
    return []
