"""A write that gives up where it would have to wait for another connection's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def no_wait() -> Iterator[None]:
    """On SQLite, raise ``OperationalError`` at once where the write lock is taken, instead of waiting for it.

    Other databases lock rows, which are held for as long as a statement: there nothing changes.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        (milliseconds,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(milliseconds)}")
