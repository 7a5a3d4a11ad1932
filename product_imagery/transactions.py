"""Opt-out of ``ATOMIC_REQUESTS`` for views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections, transaction

_View = TypeVar("_View", bound=Callable[..., Any])


def own_transactions(view: _View) -> _View:
    """Exempt a view from ``ATOMIC_REQUESTS`` on all databases, so that its writes survive a later error."""
    found: Any = view
    for alias in connections:
        found = transaction.non_atomic_requests(using=alias)(found)
    return found  # type: ignore[no-any-return]
