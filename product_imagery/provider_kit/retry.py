"""Retry decisions for calls of hosted providers."""

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
    """Consequence of an error for its job."""

    AGAIN = "again"  #: nothing has happened: the same call can be made later
    PAUSE = "pause"  #: nothing works with this credential until a person acts
    FAIL = "fail"  #: the provider refuses it for good
    UNKNOWN = "unknown"  #: it may have been accepted and charged: reconcile first


def may_retry(error: ProviderError) -> Verdict:
    """Return the consequence of an error. A create without a readable response is never simply repeated."""
    if isinstance(error, NotSent | RateLimited):
        return Verdict.AGAIN
    if isinstance(error, CredentialRefused):
        return Verdict.PAUSE
    if isinstance(error, ProviderRefused):
        return Verdict.FAIL
    return Verdict.UNKNOWN if error.creating else Verdict.AGAIN


def backoff(tries: int, *, first: float = 4.0, most: float = 600.0) -> float:
    """Return seconds until the next try: they double up to ``most``, with jitter in the upper half."""
    longest = min(most, first * 2.0 ** min(tries, 20))
    return longest / 2 + random.random() * longest / 2  # noqa: S311  jitter, not a secret
