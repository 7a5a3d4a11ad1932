"""Rate limits while another connection holds the write lock of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connection

from product_imagery.models import RateUse
from tests.api.conftest import Caller

Call = Callable[..., Caller]

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.sqlite,  # where one write lock is for all tables
]


@contextmanager
def _writing() -> Iterator[None]:
    """Hold the write lock on another connection until the block ends."""
    with closing(sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_get_does_not_wait_for_the_write_lock(caller: Call) -> None:
    one = caller(requests_per_minute=4)
    connection.ensure_connection()
    with _writing():
        found = [one.get("generations?limit=1") for _ in range(6)]
    assert [response.status_code for response in found] == [200, 200, 200, 200, 429, 429]
    assert [response["X-RateLimit-Remaining"] for response in found] == ["3", "2", "1", "0", "0", "0"]


def test_unrecorded_requests_are_counted_with_the_next_one(caller: Call, make_product: Any) -> None:
    one, other = caller(requests_per_minute=10), caller(requests_per_minute=10)
    connection.ensure_connection()
    with _writing():
        for _ in range(7):
            assert one.get("generations").status_code == 200
    assert other.get("generations")["X-RateLimit-Remaining"] == "9"
    assert one.get("generations")["X-RateLimit-Remaining"] == "2"
    assert sum(RateUse.objects.filter(key=one.key).values_list("weight", flat=True)) == 8


def test_busy_timeout_is_restored(caller: Call) -> None:
    one = caller()
    with connection.cursor() as cursor:
        (before,) = cursor.execute("PRAGMA busy_timeout").fetchone()
    with _writing():
        one.get("generations")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == (before,)
    assert before > 0
