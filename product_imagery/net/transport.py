"""Requests to hosted providers: no redirects, no proxies, bounded responses, a deadline for each call."""

from __future__ import annotations

import contextlib
import functools
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpcore
import httpx

from product_imagery.exceptions import NotSent, ProviderUnavailable
from product_imagery.net.connections import Connections, bounded, headers_of
from product_imagery.net.deadline import until
from product_imagery.provider_kit.requests import HttpRequest
from product_imagery.provider_kit.response import Response
from product_imagery.texts import gettext

_MOST_BYTES = 1024 * 1024
WALL_SECONDS = 60.0  #: limit for one whole call
#: seconds; the deadline comes first
_TIMEOUT = {"timeout": {"connect": 5.0, "read": 120.0, "write": 120.0, "pool": 5.0}}
_NEVER_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError,
    httpx.InvalidURL,
    UnicodeError,
)
_LOST = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ConnectionNotAvailable)
_SAVING_SECONDS = 1800.0  #: limit for the download of a whole collection
#: no compression: a small response could unpack to a huge one
_HEADERS = {"User-Agent": "product_imagery", "Accept": "application/json", "Accept-Encoding": "identity"}


class Transport:
    """Safe to use from many threads. ``wall_seconds`` bounds one call as a whole, however slowly its bytes arrive."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS) -> None:
        self.wall_seconds = wall_seconds
        self._connections = Connections(_tls(), keep=True)

    def send(
        self, base_url: str, request: HttpRequest, headers: Mapping[str, str], seconds: float | None = None
    ) -> Response:
        """Send one request and return its response, all within ``seconds``.

        Raises ``NotSent`` when it provably did not arrive, else ``ProviderUnavailable``.
        """
        with self._stream(base_url, request, headers, seconds or self.wall_seconds) as response:
            return _whole(response)

    def save(
        self, base_url: str, request: HttpRequest, headers: Mapping[str, str], path: Path, most_bytes: int
    ) -> Response:
        """Write the body of a successful response, of at most ``most_bytes``, to ``path``; return the rest of it.

        A response with another status is returned whole. Raises ``NotSent`` or ``ProviderUnavailable``.
        """
        with self._stream(base_url, request, headers, _SAVING_SECONDS) as response:
            if not 200 <= response.status < 300:
                return _whole(response)
            with path.open("wb") as target:
                target.writelines(bounded(response, most_bytes, _lost(f"answer of more than {most_bytes} bytes")))
            return Response(response.status, b"", headers_of(response))

    @contextlib.contextmanager
    def _stream(
        self, base_url: str, request: HttpRequest, headers: Mapping[str, str], seconds: float
    ) -> Iterator[httpcore.Response]:
        address = base_url.rstrip("/") + "/" + request.path.lstrip("/")
        sent = {**_HEADERS, **request.headers, **headers}
        try:
            asked = httpx.Request(
                request.method, address, params=dict(request.query) or None, headers=sent, content=request.body or None
            )
            url = httpcore.URL(
                scheme=asked.url.raw_scheme, host=asked.url.raw_host, port=asked.url.port, target=asked.url.raw_path
            )
            wire = httpcore.Request(
                asked.method, url, headers=asked.headers.raw, content=asked.read(), extensions=_TIMEOUT
            )
            # A connection that the other side has just closed looks like a lost response: creates share none.
            fresh = request.creates
            with until(time.monotonic() + seconds), self._connections.stream(wire, fresh=fresh) as response:
                yield response
        except _NEVER_SENT as error:
            raise NotSent(
                gettext("The provider cannot be reached."), code="no_connection", detail=type(error).__name__
            ) from error
        except _LOST as error:
            raise _lost(type(error).__name__) from error

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()


@functools.cache
def _tls() -> ssl.SSLContext:
    """The certificate authorities that httpx ships, whatever the machine trusts, read once: that takes 25 ms."""
    return httpx.create_ssl_context(trust_env=False)


def _whole(response: httpcore.Response) -> Response:
    headers = headers_of(response)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise _lost("compressed answer that was not asked for")
    body = b"".join(bounded(response, _MOST_BYTES, _lost("answer of more than 1 MiB")))
    return Response(response.status, body, headers)


def _lost(detail: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        gettext("The connection to the provider was lost."), code="connection_lost", detail=detail
    )
