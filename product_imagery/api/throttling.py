"""Rate limits of API keys, counted in the database so that they hold for all processes together."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import Any

from django.db import OperationalError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from product_imagery.conf import get_settings
from product_imagery.models import ApiKey, RateUse
from product_imagery.models.brief_wait import brief_wait
from product_imagery.models.rate_use import RATE_SECONDS, Allowance


class KeyRateThrottle(BaseThrottle):
    """Limit the requests of a key per minute. Requests with a session are not limited.

    A request counts as ``throttle_weight`` requests, an attribute of the view. ``headers`` are added to the response.
    """

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self._resets_at = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request and return true; return false without counting it if it exceeds the limit."""
        key = request.auth
        if not isinstance(key, ApiKey):
            return True
        limit = key.requests_per_minute or get_settings().api_requests
        allowance = _record(key, view.throttle_weight, limit, waits=request.method not in SAFE_METHODS)
        self._resets_at = allowance.resets_at
        self.headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(allowance.remaining),
            "X-RateLimit-Reset": str(round(allowance.resets_at)),
        }
        return allowance.allowed

    def wait(self) -> float:
        """Return the seconds until the limit allows the request, at least 1."""
        return max(1.0, self._resets_at - time.time())


def _record(key: ApiKey, weight: int, limit: int, *, waits: bool) -> Allowance:
    """Count a request. With ``waits=False``, it waits for SQLite's write lock only briefly: a later request records it.

    Raises ``OperationalError`` if the database is locked or away, and ``waits`` is true.
    """
    unrecorded = _unrecorded.take(key.pk)
    try:
        if waits:
            return RateUse.objects.record(key, weight, limit, unrecorded=unrecorded)
        with brief_wait():
            return RateUse.objects.record(key, weight, limit, unrecorded=unrecorded)
    except OperationalError:
        _unrecorded.add(key.pk, unrecorded)
        if waits:
            raise
        return _allow_unrecorded(key, min(weight, limit), limit)


def _allow_unrecorded(key: ApiKey, weight: int, limit: int) -> Allowance:
    """Count a request in the memory of this process, for a later request to record."""
    remaining = limit - RateUse.objects.used(key) - _unrecorded.get(key.pk)
    allowed = weight <= remaining
    if allowed:
        _unrecorded.add(key.pk, weight)
    return Allowance(allowed, remaining - weight if allowed else max(0, remaining), time.time() + RATE_SECONDS)


class _Unrecorded:
    """Weights by primary key of a key that this process has allowed and not recorded yet. Lost with the process."""

    def __init__(self) -> None:
        self._weights: defaultdict[int, int] = defaultdict(int)
        self._lock = threading.Lock()

    def add(self, key: int, weight: int) -> None:
        """Add to the unrecorded weight."""
        with self._lock:
            self._weights[key] += weight

    def take(self, key: int) -> int:
        """Return the unrecorded weight and reset it to 0. The caller records it."""
        with self._lock:
            return self._weights.pop(key, 0)

    def get(self, key: int) -> int:
        """Return the unrecorded weight."""
        with self._lock:
            return self._weights.get(key, 0)


_unrecorded = _Unrecorded()
