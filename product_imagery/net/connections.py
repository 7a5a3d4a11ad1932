"""Connections kept open for the next request; one thread at a time uses a connection.

httpcore's own pool looks through all its connections at every request, and may close one that it has just handed to
another thread: the response to a create on that connection would be lost.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator

import httpcore

from product_imagery.net.deadline import DeadlineBackend

_KEPT_SECONDS = 10.0  #: an idle connection is not used any more after this long


class Connections:
    """At most ``kept`` idle connections, the ones used last. Safe to use from many threads.

    ``tls`` holds the trusted certificate authorities. Raises what httpcore raises, ``UnsupportedProtocol`` for a URL
    that is not http or https.
    """

    def __init__(self, kept: int, tls: ssl.SSLContext) -> None:
        self._kept, self._tls = kept, tls
        self._lock = threading.Lock()
        self._idle: list[tuple[httpcore.Origin, httpcore.HTTPConnection]] = []

    @contextlib.contextmanager
    def stream(self, request: httpcore.Request, *, fresh: bool = False) -> Iterator[httpcore.Response]:
        """Send a request and open its response; with ``fresh`` on a new connection."""
        if request.url.scheme not in (b"https", b"http") or not request.url.host:
            raise httpcore.UnsupportedProtocol("not the address of a server")
        origin = request.url.origin
        connection = None if fresh else self._take(origin)
        if connection is None:
            connection = httpcore.HTTPConnection(
                origin, ssl_context=self._tls, keepalive_expiry=_KEPT_SECONDS, network_backend=DeadlineBackend()
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


def headers_of(response: httpcore.Response) -> dict[str, str]:
    """Return the headers by their names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def bounded(response: httpcore.Response, most_bytes: int, too_large: Exception) -> Iterator[bytes]:
    """Yield the body piece by piece. Raises ``too_large`` in place of the piece that exceeds ``most_bytes``."""
    read = 0
    for piece in response.iter_stream():
        read += len(piece)
        if read > most_bytes:
            raise too_large
        yield piece
