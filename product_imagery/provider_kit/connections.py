"""Connections kept open for the next request. Whoever takes one has it alone until it is given back.

httpcore's own pool looks through all its connections at every request, and closes some that another thread has just
been given: a create on such a connection would be lost to nobody's fault.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator

import httpcore

from product_imagery.provider_kit.wall_clock import WallClockBackend

_KEPT_SECONDS = 10.0  #: an idle connection is not used any more after this long


class Connections:
    """At most ``kept`` idle connections, the latest ones. May be used by many threads.

    ``tls`` says whom to trust. Raises what httpcore raises: ``UnsupportedProtocol`` for what is no web address.
    """

    def __init__(self, kept: int, tls: ssl.SSLContext) -> None:
        self._kept, self._tls = kept, tls
        self._lock = threading.Lock()
        self._idle: list[tuple[httpcore.Origin, httpcore.HTTPConnection]] = []

    @contextlib.contextmanager
    def answer(self, request: httpcore.Request, *, fresh: bool = False) -> Iterator[httpcore.Response]:
        """Send a request; with ``fresh`` on a connection that nothing has been sent on."""
        if request.url.scheme not in (b"https", b"http") or not request.url.host:
            raise httpcore.UnsupportedProtocol("not the address of a server")
        origin = request.url.origin
        connection = None if fresh else self._take(origin)
        if connection is None:
            connection = httpcore.HTTPConnection(
                origin, ssl_context=self._tls, keepalive_expiry=_KEPT_SECONDS, network_backend=WallClockBackend()
            )
        response = None
        try:
            response = connection.handle_request(request)
            yield response
        finally:
            if response is not None:
                response.close()
            self._give_back(origin, connection)

    def _take(self, origin: httpcore.Origin) -> httpcore.HTTPConnection | None:
        while True:
            with self._lock:
                found = next((one for one in reversed(self._idle) if one[0] == origin), None)
                if found is None:
                    return None
                self._idle.remove(found)
            if not found[1].has_expired():
                return found[1]
            found[1].close()

    def _give_back(self, origin: httpcore.Origin, connection: httpcore.HTTPConnection) -> None:
        closing = [connection]
        if connection.is_idle():
            with self._lock:
                self._idle.append((origin, connection))
                closing = [one for _, one in self._idle[: -self._kept or None]]
                del self._idle[: len(closing)]
        for one in closing:
            one.close()

    def close(self) -> None:
        """Close all that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()
