"""Statements that fail before they reach the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def failing(error: BaseException, sql: str, *, having: object = "") -> Iterator[list[str]]:
    """Raise ``error`` instead of each statement of this thread that contains ``sql`` and a parameter with ``having``.

    Yields the list of the statements that were stopped.
    """
    stopped: list[str] = []

    def execute(run: Callable[..., Any], statement: str, parameters: Any, many: bool, context: Any) -> Any:
        if sql in statement and any(_contains(one, having) for one in parameters or ()):
            stopped.append(statement)
            raise error
        return run(statement, parameters, many, context)

    with connection.execute_wrapper(execute):
        yield stopped


def _contains(parameter: Any, wanted: object) -> bool:
    if not isinstance(wanted, str):
        return bool(parameter == wanted)
    return wanted in str(getattr(parameter, "obj", parameter))  # of a JSON value in PostgreSQL
