"""May I retry? The one place that answers it."""

from __future__ import annotations

import enum
import random

from product_imagery.exceptions import (
    CredentialRefused,
    NotSent,
    ProviderError,
    ProviderRefused,
    RateLimited,
)


class Verdict(enum.Enum):
    """What an error means for its job."""

    AGAIN = "again"  #: nothing has happened: the same call may be made later
    PAUSE = "pause"  #: nothing will work with this account until somebody acts
    FAIL = "fail"  #: the provider's last word
    UNKNOWN = "unknown"  #: it may have been accepted, and paid for: find out before anything else


def may_retry(error: ProviderError) -> Verdict:
    """Judge an error. A create whose answer is missing or unreadable is never simply repeated."""
    if isinstance(error, NotSent | RateLimited):
        return Verdict.AGAIN
    if isinstance(error, CredentialRefused):
        return Verdict.PAUSE
    if isinstance(error, ProviderRefused):
        return Verdict.FAIL
    return Verdict.UNKNOWN if error.creating else Verdict.AGAIN


def backoff(tries: int, *, first: float = 4.0, most: float = 600.0) -> float:
    """Seconds before the next try: doubling, with full jitter above the half of it."""
    longest = min(most, first * 2.0 ** min(tries, 20))
    return longest / 2 + random.random() * longest / 2  # noqa: S311  jitter, not a secret
