"""Times in response headers: ``Retry-After``, ``X-RateLimit-Reset`` and ``Date``."""

from __future__ import annotations

import time

import pytest

from product_imagery.provider_kit.headers import clock_skew, retry_after
from product_imagery.provider_kit.response import Response


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "Wed, 99 Nov 99999999999999999999 00:00:00 GMT"}, None),
        ({"retry-after": "soon", "x-ratelimit-reset": "90"}, 90),
        ({"x-ratelimit-reset": "Unix time in two minutes"}, 120),
        ({"x-ratelimit-reset": "1"}, 1),
        ({"x-ratelimit-reset": "tomorrow"}, None),
        ({"x-ratelimit-reset": "nan"}, None),
        ({"retry-after": "1e9"}, 3600),
        ({}, None),
    ],
    ids=str,
)
def test_the_wait_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    sent = {name: value.replace("Unix time in two minutes", f"{time.time() + 120}") for name, value in headers.items()}
    found = retry_after(Response(429, headers=sent))
    assert found == (None if seconds is None else pytest.approx(seconds, abs=2))


def test_an_impossible_date_gives_no_skew() -> None:
    assert clock_skew(Response(200, headers={"date": "Wed, 25 Nov 99999999999999999999 00:00:00 GMT"})) is None
