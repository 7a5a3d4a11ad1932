"""On which processor cores threads and processes run. Where the system has no word for it, nothing is changed."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Collection, Iterator
from pathlib import Path

_STAT = Path("/proc/thread-self/stat")
_CORE = 36  #: among the fields after the name, see proc_pid_stat(5)


def allowed() -> Collection[int]:
    """The cores that this thread may run on; empty where that cannot be told."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()


def give(process: int, cores: Collection[int]) -> None:
    """Let a process run on ``cores``, if there are any."""
    if cores:
        with contextlib.suppress(OSError):  # it has ended, or this is not allowed here
            os.sched_setaffinity(process, cores)


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and the threads it starts meanwhile, on the core where it runs.

    Threads of one interpreter take turns at every call of the system. A turn that goes to another core has to wake it:
    with 24 threads that took a quarter of all computing time, and five of six changes of thread.
    """
    cores, here = allowed(), _here()
    if here is None or here not in cores:
        yield
        return
    give(0, {here})
    try:
        yield
    finally:
        give(0, cores)


def _here() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(_STAT.read_text().rpartition(")")[2].split()[_CORE])
    return None


@contextlib.contextmanager
def calm_memory() -> Iterator[None]:
    """Exclude existing objects from garbage collection inside the block: in a Django process they are many."""
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
