"""CPU affinity of threads and processes. Does nothing on systems that do not support it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection


def allowed() -> Collection[int]:
    """Return the cores on which this thread may run; empty if the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()


def give(process: int, cores: Collection[int]) -> None:
    """Allow a process (0: this thread) to run on ``cores`` only, if any are given."""
    if cores:
        with contextlib.suppress(OSError):  # it has ended, or this is not allowed here
            os.sched_setaffinity(process, cores)
