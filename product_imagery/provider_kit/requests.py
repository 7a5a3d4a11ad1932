"""Requests that a provider's generators yield."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True)
class HttpRequest:
    """A call of the provider's API. ``path`` is below the credential's base URL, ``body`` are the exact bytes.

    ``creates`` means that it may cost money: it is committed to the database first, and never repeated blindly.
    """

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    creates: bool = False


@dataclass(frozen=True)
class Remember:
    """Facts to commit to the database before the next request is sent."""

    facts: Mapping[str, str]


@dataclass(frozen=True)
class Compute:
    """A request to run ``call``, ``"package.module:function"``, in an imaging process."""

    call: str
    arguments: Mapping[str, Any]


Request: TypeAlias = Compute | HttpRequest | Remember
