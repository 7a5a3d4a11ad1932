"""Sandbox processes for untrusted pictures: a hostile file can harm only the process that opens it.

A process has limits on memory and computing time, an empty environment and an isolated interpreter (``python -I``), and
is killed when it takes too long. ``concurrent.futures.ProcessPoolExecutor`` has none of these.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from product_imagery import exceptions
from product_imagery.exceptions import EngineError, ImageryError
from product_imagery.imaging import affinity
from product_imagery.imaging.sandbox_child import HEADER
from product_imagery.texts import gettext, gettext_noop, refill

_PIECE = 64 * 1024
_PROGRAM = Path(__file__).with_name("sandbox_child.py")
#: Keep some freed memory: by default glibc returns large blocks at once and pays for every page again.
_MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "67108864"}


@dataclass(frozen=True)
class PoolLimits:
    """Bounds of the processes.

    ``memory`` is the address space of one process in bytes; both ``…_seconds`` are for one picture; a process is
    replaced after ``pictures`` calls.
    """

    processes: int = 2
    memory: int = 3 * 1024**3
    cpu_seconds: int = 240
    wall_seconds: float = 180.0
    pictures: int = 1000


class ImagingPool:
    """A pool of imaging processes, started on first use. Thread-safe."""

    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.limits = limits or PoolLimits()
        self._closed = False
        self._cores = affinity.allowed()
        self._all: set[_Child] = set()
        self._free: list[_Child] = []
        self._slots = threading.BoundedSemaphore(self.limits.processes)
        self._lock = threading.Lock()

    def run(self, call: str, **arguments: Any) -> Any:
        """Run ``"package.module:function"`` in an imaging process and return its result.

        Waits while all processes are busy. Raises the ``ImageryError`` that the function raised, or ``EngineError``
        when the process died or took too long.
        """
        with self._slots, self._child() as child:
            response = child.ask({"call": call, "arguments": arguments}, self.limits.wall_seconds)
        if "error" in response:
            raise _revive(response["error"])
        return response["result"]

    def close(self) -> None:
        """End all processes. Calls that are running or waiting raise ``EngineError`` (``stopping``)."""
        with self._lock:
            self._closed = True
            children, idle, self._all, self._free = self._all, self._free, set(), []
        for child in children:
            child.kill()
        for child in idle:
            child.close()  # the pipes of a busy child are closed by its caller, as their descriptors are in use

    @contextlib.contextmanager
    def _child(self) -> Iterator[_Child]:
        with self._lock:
            if self._closed:
                raise EngineError(gettext("The worker is stopping."), code="stopping")
            child = self._free.pop() if self._free else _Child(self.limits, self._cores)
            self._all.add(child)
        spent = True
        try:
            yield child
            spent = child.calls >= self.limits.pictures
        except EngineError as error:
            if not self._closed:
                raise
            raise EngineError(gettext("The worker is stopping."), code="stopping") from error
        finally:
            with self._lock:
                if spent or child not in self._all:
                    self._all.discard(child)
                    child.kill()
                    child.close()
                else:
                    self._free.append(child)


class _Child:
    """One process and the pipe to it."""

    def __init__(self, limits: PoolLimits, own_cores: Collection[int]) -> None:
        self.calls = 0
        # The child gets no secrets: an environment of its own, no inherited descriptors, only numbers in argv.
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", **_MEMORY}
        command = [sys.executable, "-I", str(_PROGRAM), str(limits.memory), str(limits.cpu_seconds)]
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        affinity.give(self._process.pid, own_cores)
        assert self._process.stdout is not None
        self._responses = self._process.stdout.fileno()
        self._readable = select.poll()
        self._readable.register(self._responses, select.POLLIN)

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        body = json.dumps(request).encode()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(HEADER.pack(len(body)) + body)
            self._process.stdin.flush()
            response: dict[str, Any] = json.loads(self._read(deadline))
        except (BrokenPipeError, EOFError) as error:
            detail = f"imaging process ended with {self._process.wait(5)}"
            message = gettext("The picture crashed the imaging process: it needs too much memory or computing time.")
            raise EngineError(message, code="engine_crashed", detail=detail) from error
        self.calls += 1
        return response

    def _read(self, deadline: float) -> bytes:
        received, whole = bytearray(), HEADER.size
        while len(received) < whole:
            if not self._readable.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise EngineError(gettext("Processing the picture took too long."), code="engine_timeout")
            piece = os.read(self._responses, _PIECE)
            if not piece:
                raise EOFError
            received += piece
            if len(received) >= HEADER.size:
                whole = HEADER.size + HEADER.unpack_from(received)[0]
        return bytes(received[HEADER.size :])

    def kill(self) -> None:
        """End the process at once. It has no state that could be lost."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Close the pipes. Only the thread that uses the process may: the descriptors can be reused at once."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()


#: sentences that a process writes without ``gettext``, as it has to run without this package
_OF_CHILD = (
    gettext_noop("The picture needs more memory than is allowed for one picture."),
    gettext_noop("The package %(name)s is not installed. Run “pip install product-imagery[local]”."),
    gettext_noop("The picture could not be processed."),
)


def _revive(error: dict[str, Any]) -> ImageryError:
    """Return the error of a process, with its sentence in our language."""
    kind = getattr(exceptions, error["kind"], EngineError)
    sentence = refill(error.get("template", error["message"]), error.get("values", {}))
    revived: ImageryError = kind(sentence, code=error["code"], detail=error["detail"])
    return revived
