"""Connections kept open for the next request. Whoever takes one has it alone until it is given back.

httpcore's own pool looks through all its connections at every request, and closes some that another thread has just
been given: a create on such a connection would be lost to nobody's fault.
"""

from __future__ import annotations

import functools
import ssl
import threading
from collections import defaultdict

import httpcore

from product_imagery.provider_kit.wall_clock import WallClockBackend

_KEPT_SECONDS = 10.0  #: an idle connection is not used any more after this long


class Connections:
    """At most ``kept`` idle connections to each server. May be used by many threads."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._idle: dict[bytes, list[httpcore.HTTPConnection]] = defaultdict(list)

    def take(self, origin: httpcore.Origin, *, fresh: bool = False) -> httpcore.HTTPConnection:
        """A connection of one's own, to be given back; with ``fresh`` one that nothing has been sent on."""
        while not fresh:
            with self._lock:
                idle = self._idle.get(_key(origin))
                connection = idle.pop() if idle else None
            if connection is None:
                break
            if not connection.has_expired():
                return connection
            connection.close()
        return httpcore.HTTPConnection(
            origin, ssl_context=_tls(), keepalive_expiry=_KEPT_SECONDS, network_backend=WallClockBackend()
        )

    def give_back(self, connection: httpcore.HTTPConnection, origin: httpcore.Origin) -> None:
        """Keep a connection for the next request, if it is good for one."""
        with self._lock:
            idle = self._idle[_key(origin)]
            if connection.is_idle() and len(idle) < self._kept:
                idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close all that are idle."""
        with self._lock:
            idle, self._idle = self._idle, defaultdict(list)
        for connection in (one for some in idle.values() for one in some):
            connection.close()


def _key(origin: httpcore.Origin) -> bytes:
    return b"%s://%s:%d" % (origin.scheme, origin.host, origin.port)


@functools.cache
def _tls() -> ssl.SSLContext:
    """One for all: building it reads every certificate authority, 25 ms each time."""
    return ssl.create_default_context()
