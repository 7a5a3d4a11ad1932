"""Times in the headers of responses: the wait that is asked for, and the server's clock."""

from __future__ import annotations

import contextlib
import email.utils
import math
import time

from product_imagery.provider_kit.response import Response

_UNIX_TIME = 1e9  #: larger numbers are Unix times, not seconds to wait
_LONGEST_WAIT = 3600.0  #: seconds: a larger ``Retry-After`` is a mistake or an attack


def retry_after(response: Response) -> float | None:
    """Return seconds to wait, at most an hour; ``None`` if the response does not tell.

    Reads ``Retry-After``, a number or a date, else ``X-RateLimit-Reset``, seconds or Unix time.
    """
    text = response.headers.get("retry-after", "").strip()
    seconds = math.nan
    with contextlib.suppress(ValueError):
        seconds = float(text)
    if math.isnan(seconds) and text:
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    if math.isnan(seconds):
        with contextlib.suppress(ValueError):
            reset = float(response.headers.get("x-ratelimit-reset", ""))
            seconds = reset - time.time() if reset > _UNIX_TIME else reset
    return min(seconds, _LONGEST_WAIT) if seconds > 0 else None


def clock_skew(response: Response) -> float | None:
    """Return the seconds by which the server's clock, by its ``Date`` header, is ahead of ours; ``None`` without it."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return email.utils.parsedate_to_datetime(response.headers.get("date", "")).timestamp() - time.time()
    return None
