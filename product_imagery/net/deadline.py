"""A network backend that enforces an absolute deadline across connect, TLS, reads and writes.

HTTP clients time out one read; a server that sends a byte now and then, of its headers too, holds them for ever.
"""

from __future__ import annotations

import contextlib
import math
import ssl
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore

_PIECE = 64 * 1024
_deadline: ContextVar[float] = ContextVar("product_imagery_deadline", default=math.inf)
_address: ContextVar[str] = ContextVar("product_imagery_address", default="")


@contextlib.contextmanager
def until(deadline: float, address: str = "") -> Iterator[None]:
    """End all reads and writes of this thread at ``deadline`` (monotonic clock, seconds) with ``httpcore.ReadTimeout``.

    If ``address`` is given, new connections go there, whatever host a request names.
    """
    tokens = _deadline.set(deadline), _address.set(address)
    try:
        yield
    finally:
        _deadline.reset(tokens[0])
        _address.reset(tokens[1])


class DeadlineBackend(httpcore.NetworkBackend):
    """httpcore's own backend, bounded by ``until``."""

    def __init__(self) -> None:
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect within the time that is left."""
        stream = self._real.connect_tcp(_address.get() or host, port, _left(timeout), local_address, socket_options)
        return _DeadlineStream(stream)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for begin in range(0, len(buffer), _PIECE):  # each piece of a large body gets the time that is left then
            self._stream.write(buffer[begin : begin + _PIECE], _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None) -> float | None:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("wall clock")
    return min(left, math.inf if timeout is None else timeout) if left < math.inf else timeout
