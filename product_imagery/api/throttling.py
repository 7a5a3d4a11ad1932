"""How much a key may ask for: counted in the database, so that it holds over all processes."""

from __future__ import annotations

import time

from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from product_imagery.conf import get_settings
from product_imagery.models import ApiKey, RateUse


def count(request: Request, weight: int) -> dict[str, str]:
    """Count a request of a key; return the headers that tell what is left. Raises ``Throttled``.

    People with a session are not counted.
    """
    key = request.auth
    if not isinstance(key, ApiKey):
        return {}
    most = key.requests_per_minute or get_settings().api_requests
    allowance = RateUse.objects.spend(key, weight, most)
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
