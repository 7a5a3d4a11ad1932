"""Writes that wait for a lock only briefly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_MILLISECONDS = 250  # longer than writes that are made one after another, and hardly felt by a person


@contextmanager
def brief_wait() -> Iterator[None]:
    """Raise ``OperationalError`` inside the block if SQLite's write lock stays taken for a quarter of a second.

    No effect on other databases, which lock rows instead of the whole database.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        (milliseconds,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {_MILLISECONDS}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(milliseconds)}")
