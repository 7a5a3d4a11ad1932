"""How much a key may ask for: counted in the database, so that it holds over all processes."""

from __future__ import annotations

import threading
import time
from collections import defaultdict

from django.db import OperationalError
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from product_imagery.conf import get_settings
from product_imagery.models import ApiKey, RateUse
from product_imagery.models.key import RATE_SECONDS, Allowance
from product_imagery.models.no_wait import no_wait


def count(request: Request, weight: int) -> dict[str, str]:
    """Count a request of a key; return the headers that tell what is left. Raises ``Throttled``.

    People with a session are not counted.
    """
    key = request.auth
    if not isinstance(key, ApiKey):
        return {}
    most = key.requests_per_minute or get_settings().api_requests
    allowance = _spend(key, weight, most, waits=request.method not in SAFE_METHODS)
    headers = {
        "X-RateLimit-Limit": str(most),
        "X-RateLimit-Remaining": str(allowance.left),
        "X-RateLimit-Reset": str(round(allowance.free_at)),
    }
    if not allowance.fits:
        error = Throttled(wait=max(1.0, allowance.free_at - time.time()))
        error.headers = headers  # type: ignore[attr-defined]
        raise error
    return headers


def _spend(key: ApiKey, weight: int, most: int, *, waits: bool) -> Allowance:
    """A request that only reads does not wait for the write lock of SQLite: it is written down with the next one."""
    owed = _owed.take(key.pk)
    try:
        if waits:
            return RateUse.objects.spend(key, weight, most, owed=owed)
        with no_wait():
            return RateUse.objects.spend(key, weight, most, owed=owed)
    except OperationalError:
        _owed.add(key.pk, owed)
        if waits:
            raise
        return _owe(key, min(weight, most), most)


def _owe(key: ApiKey, weight: int, most: int) -> Allowance:
    left = most - RateUse.objects.used(key) - _owed.of(key.pk)
    fits = weight <= left
    if fits:
        _owed.add(key.pk, weight)
    return Allowance(fits, left - weight if fits else max(0, left), time.time() + RATE_SECONDS)


class _Owed:
    """What this process has let through and not written down, by key. Lost with the process, never shared."""

    def __init__(self) -> None:
        self._weights: defaultdict[int, int] = defaultdict(int)
        self._lock = threading.Lock()

    def add(self, key: int, weight: int) -> None:
        """Note more of it."""
        with self._lock:
            self._weights[key] += weight

    def take(self, key: int) -> int:
        """All of it, for the one who writes it down."""
        with self._lock:
            return self._weights.pop(key, 0)

    def of(self, key: int) -> int:
        """How much there is."""
        with self._lock:
            return self._weights.get(key, 0)


_owed = _Owed()
