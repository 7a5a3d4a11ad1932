"""Views that keep what they have written, also on a site that makes each request a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections, transaction

_View = TypeVar("_View", bound=Callable[..., Any])


def own_transactions(view: _View) -> _View:
    """Take a view out of ``ATOMIC_REQUESTS``: what is written before an error stays written."""
    found: Any = view
    for alias in connections:
        found = transaction.non_atomic_requests(using=alias)(found)
    return found  # type: ignore[no-any-return]
