"""Runs the looks beside each other, each in a thread of its own that nobody waits for longer than it may take."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from product_imagery.doctor.findings import Finding, Look, problem
from product_imagery.exceptions import ImageryError

_lock = threading.Lock()
_last: dict[str, _Running] = {}


class _Running:
    """One run of a look. It goes on after its time, and then counts as the next run too: threads do not pile up."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.findings: list[Finding] = []
        self.begun = time.monotonic()
        self.ended = threading.Event()
        shared = _open_transactions()
        threading.Thread(target=self._run, args=(shared,), name=f"look at {look.what}", daemon=True).start()

    def _run(self, shared: dict[str, BaseDatabaseWrapper]) -> None:
        for alias, connection in shared.items():
            connections[alias] = connection
        try:
            for finding in self.look.action():
                self.findings.append(finding)
        except Exception as error:  # noqa: BLE001  whatever a look meets is what it has found
            self.findings.append(problem(self.look.what, _said(error)))
        finally:
            self.ended.set()
            if not shared:
                _close(connections)

    def is_fresh(self) -> bool:
        """Whether its findings are to be used again, or it is still under way."""
        return not self.ended.is_set() or time.monotonic() - self.begun < self.look.kept

    def result(self) -> list[Finding]:
        """What was found within the time of the look."""
        if self.ended.wait(max(0.0, self.begun + self.look.seconds - time.monotonic())):
            return list(self.findings)
        late = problem(self.look.what, f"No answer within {self.look.seconds:.0f} seconds. {self.look.late}")
        return [*self.findings, late]


def run_looks(looks: Sequence[Look], *, reuse: bool = False) -> list[Finding]:
    """Look at everything; return within the longest time of a look. ``reuse``: take what was found a moment before."""
    if _open_transactions():  # they see what is not committed yet, and a connection serves one thread at a time
        return [finding for look in looks for finding in _begin(look, reuse=reuse).result()]
    running = [_begin(look, reuse=reuse) for look in looks]
    return [finding for one in running for finding in one.result()]


def _begin(look: Look, *, reuse: bool) -> _Running:
    with _lock:
        before = _last.get(look.what)
        if reuse and before is not None and before.is_fresh():
            return before
        _last[look.what] = _Running(look)
        return _last[look.what]


def forget() -> None:
    """Reuse nothing of what was found before."""
    with _lock:
        _last.clear()


def _open_transactions() -> dict[str, BaseDatabaseWrapper]:
    """Connections of this thread that are in a transaction."""
    opened = {one.alias: one for one in connections.all(initialized_only=True) if one.in_atomic_block}
    for connection in opened.values():
        connection.inc_thread_sharing()
    return opened


def _close(handler: ConnectionHandler) -> None:
    with suppress(Exception):  # of a database that is away
        handler.close_all()


def _said(error: Exception) -> str:
    return error.message if isinstance(error, ImageryError) else f"{type(error).__name__}: {error}".strip()
