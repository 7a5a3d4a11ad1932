"""Writes that fail at once instead of waiting for a lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def no_wait() -> Iterator[None]:
    """Raise ``OperationalError`` at once inside the block if SQLite's write lock is taken.

    No effect on other databases, which lock rows instead of the whole database.
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
