"""Sends requests of hosted providers: one sync client, no redirects, bounded answers, a wall clock for each call."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import httpcore
import httpx

from product_imagery.exceptions import NotSent, ProviderUnavailable
from product_imagery.provider_kit.connections import Connections
from product_imagery.provider_kit.conversation import HttpRequest
from product_imagery.provider_kit.http import Answer
from product_imagery.provider_kit.wall_clock import until

_MOST_BYTES = 1024 * 1024
WALL_SECONDS = 60.0  #: of one call as a whole
_TIMEOUT = httpx.Timeout(120.0, connect=5.0)  #: of one read; the wall clock ends it before
_FRESH = "fresh"  #: the extension that asks for a connection which nothing has been sent on
_NEVER_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
    UnicodeError,
)
_LOST = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ConnectionNotAvailable,
    httpx.HTTPError,
    httpx.StreamError,
)
_SAVING_SECONDS = 1800.0  #: of the download of a whole collection
#: a compressed answer could be small on the way and huge here
_HEADERS = {"User-Agent": "product_imagery", "Accept": "application/json", "Accept-Encoding": "identity"}

#: httpx logs every address with its query at INFO
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Transport:
    """May be used by many threads. ``wall_seconds`` bounds one call as a whole, however slowly its bytes drip."""

    def __init__(self, *, connections: int = 32, wall_seconds: float = WALL_SECONDS) -> None:
        self.wall_seconds = wall_seconds
        self._wire = _Wire(Connections(connections))

    def send(
        self, base_url: str, request: HttpRequest, headers: Mapping[str, str], seconds: float | None = None
    ) -> Answer:
        """Send one request, and wait for its answer for so many ``seconds`` as a whole.

        Raises ``NotSent`` when it provably did not arrive, else ``ProviderUnavailable``.
        """
        with self._stream(base_url, request, headers, seconds or self.wall_seconds) as response:
            return Answer(response.status_code, _read(response), _facts(response))

    def save(
        self, base_url: str, request: HttpRequest, headers: Mapping[str, str], path: Path, most_bytes: int
    ) -> Answer:
        """Write a good answer's body, of at most ``most_bytes``, to ``path``; return the answer without it.

        A bad answer is returned whole. Raises ``NotSent`` or ``ProviderUnavailable``.
        """
        with self._stream(base_url, request, headers, _SAVING_SECONDS) as response:
            if not 200 <= response.status_code < 300:
                return Answer(response.status_code, _read(response), _facts(response))
            with path.open("wb") as target:
                for piece in response.iter_raw():
                    target.write(piece)
                    if target.tell() > most_bytes:
                        raise _lost(f"answer of more than {most_bytes} bytes")
            return Answer(response.status_code, b"", _facts(response))

    @contextlib.contextmanager
    def _stream(
        self, base_url: str, request: HttpRequest, headers: Mapping[str, str], seconds: float
    ) -> Iterator[httpx.Response]:
        address = base_url.rstrip("/") + "/" + request.path.lstrip("/")
        sent = {**_HEADERS, **request.headers, **headers}
        try:
            asked = httpx.Request(
                request.method,
                address,
                params=dict(request.query) or None,
                headers=sent,
                content=request.body or None,
                # A connection that the other side has just closed looks like a lost answer: creates share none.
                extensions={"timeout": _TIMEOUT.as_dict(), _FRESH: request.creates},
            )
            with until(time.monotonic() + seconds), contextlib.closing(self._wire.handle_request(asked)) as response:
                yield response
        except _NEVER_SENT as error:
            raise NotSent("The provider cannot be reached.", detail=type(error).__name__) from error
        except _LOST as error:
            raise _lost(type(error).__name__) from error

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()


class _Body(httpx.SyncByteStream):
    """The body of an answer; when it is closed, its connection is free again."""

    def __init__(self, answer: httpcore.Response, exchange: AbstractContextManager[httpcore.Response]) -> None:
        self._answer, self._exchange = answer, exchange

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        """Give the connection back."""
        self._exchange.__exit__(None, None, None)


class _Wire(httpx.BaseTransport):
    """Sends one request as it is: without redirects, cookies, proxies or what else a client would add."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; the answer's body is still to be read. Raises what httpcore raises."""
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        exchange = self._connections.answer(sent, fresh=request.extensions[_FRESH])
        answer = exchange.__enter__()
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer, exchange))

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()


def _facts(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise _lost("compressed answer that was not asked for")
    for piece in response.iter_raw():
        body += piece
        if len(body) > _MOST_BYTES:
            raise _lost("answer of more than 1 MiB")
    return bytes(body)


def _lost(detail: str) -> ProviderUnavailable:
    return ProviderUnavailable("The connection to the provider was lost.", code="connection_lost", detail=detail)
