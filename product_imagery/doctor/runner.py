"""Run probes at the same time, each in a thread of its own, and wait for none of them longer than its time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from product_imagery.doctor.findings import Finding, Probe, problem
from product_imagery.exceptions import ImageryError

_lock = threading.Lock()
_last: dict[str, _Run] = {}


class _Run:
    """One run of a probe.

    A thread that exceeds the time limit goes on, and a later request waits for it, so that threads do not pile up.
    """

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.findings: list[Finding] = []
        self.begun = time.monotonic()
        self.ended = threading.Event()
        shared = _open_transactions()
        threading.Thread(target=self._run, args=(shared,), name=f"probe {probe.what}", daemon=True).start()

    def _run(self, shared: dict[str, BaseDatabaseWrapper]) -> None:
        for alias, connection in shared.items():
            connections[alias] = connection
        try:
            for finding in self.probe.action():
                self.findings.append(finding)
        except Exception as error:  # noqa: BLE001  any error in a probe is its finding
            self.findings.append(problem(self.probe.what, _describe(error)))
        finally:
            self.ended.set()
            if not shared:
                _close(connections)

    def is_fresh(self) -> bool:
        """Return true if it still runs, or its findings are new enough to be reused."""
        return not self.ended.is_set() or time.monotonic() - self.begun < self.probe.reuse_seconds

    def result(self) -> list[Finding]:
        """Wait for the rest of the time limit at most, and return what was found."""
        if self.ended.wait(max(0.0, self.begun + self.probe.seconds - time.monotonic())):
            return list(self.findings)
        late = problem(self.probe.what, f"No response within {self.probe.seconds:.0f} seconds. {self.probe.late}")
        return [*self.findings, late]


def run_probes(probes: Sequence[Probe], *, reuse: bool = False) -> list[Finding]:
    """Run the probes and return their findings within the longest of their time limits.

    ``reuse``: accept findings that are at most ``reuse_seconds`` old.
    """
    if _open_transactions():  # probes see what is not committed, and a connection serves one thread at a time
        return [finding for probe in probes for finding in _begin(probe, reuse=reuse).result()]
    running = [_begin(probe, reuse=reuse) for probe in probes]
    return [finding for one in running for finding in one.result()]


def _begin(probe: Probe, *, reuse: bool) -> _Run:
    with _lock:
        before = _last.get(probe.what)
        if reuse and before is not None and before.is_fresh():
            return before
        _last[probe.what] = _Run(probe)
        return _last[probe.what]


def forget() -> None:
    """Drop all findings that could be reused."""
    with _lock:
        _last.clear()


def _open_transactions() -> dict[str, BaseDatabaseWrapper]:
    """Return the connections of this thread that are in a transaction, and allow other threads to use them."""
    opened = {one.alias: one for one in connections.all(initialized_only=True) if one.in_atomic_block}
    for connection in opened.values():
        connection.inc_thread_sharing()
    return opened


def _close(handler: ConnectionHandler) -> None:
    with suppress(Exception):  # the database is away
        handler.close_all()


def _describe(error: Exception) -> str:
    return error.message if isinstance(error, ImageryError) else f"{type(error).__name__}: {error}".strip()
