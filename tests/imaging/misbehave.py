"""Functions for the imaging process to run in tests."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from product_imagery.exceptions import PictureError


def refuse() -> None:
    raise PictureError("The file is empty.", code="empty")


def fail() -> float:
    return 1 / 0


def eat(size: int) -> int:
    return len(bytearray(size))


def sleep() -> None:
    time.sleep(30)


def slow_pid() -> int:
    time.sleep(0.05)
    return os.getpid()


def tell() -> dict[str, Any]:
    descriptors = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{number}")
            if not target.startswith("/proc/"):
                descriptors.append(target)
    return {"environment": dict(os.environ), "descriptors": descriptors}
