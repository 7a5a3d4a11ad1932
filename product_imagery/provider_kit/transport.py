"""Sends requests of hosted providers: one sync client, no redirects, bounded answers, a wall clock for each call."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from product_imagery.exceptions import NotSent, ProviderUnavailable
from product_imagery.provider_kit.contract import HttpRequest
from product_imagery.provider_kit.http import Answer

_MOST_BYTES = 1024 * 1024
_TIMEOUT = httpx.Timeout(30.0, connect=5.0, pool=20.0)
WALL_SECONDS = 60.0  #: of one call as a whole
_AGENT = "product_imagery"

#: httpx logs every address with its query at INFO
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Transport:
    """May be used by many threads. ``wall_seconds`` bounds one call as a whole, however slowly its bytes drip."""

    def __init__(self, *, connections: int = 32, wall_seconds: float = WALL_SECONDS) -> None:
        self.wall_seconds = wall_seconds
        kept = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=10.0)
        # A connection that the other side has just closed looks like a lost answer: creates never share one.
        single = httpx.Limits(max_connections=connections, max_keepalive_connections=0)
        self._reads, self._creates = _client(kept), _client(single)

    def send(self, base_url: str, request: HttpRequest, headers: Mapping[str, str]) -> Answer:
        """Send one request. Raises ``NotSent`` when it provably did not arrive, else ``ProviderUnavailable``."""
        deadline = time.monotonic() + self.wall_seconds
        with self._stream(base_url, request, headers) as response:
            body = _read(response, deadline)
            return Answer(response.status_code, body, {k.lower(): v for k, v in response.headers.items()})

    def save(
        self, base_url: str, request: HttpRequest, headers: Mapping[str, str], path: Path, most_bytes: int
    ) -> Answer:
        """Write a good answer's body, of at most ``most_bytes``, to ``path``; return the answer without it.

        A bad answer is returned whole. Raises ``NotSent`` or ``ProviderUnavailable``.
        """
        with self._stream(base_url, request, headers) as response:
            facts = {name.lower(): value for name, value in response.headers.items()}
            if not 200 <= response.status_code < 300:
                return Answer(response.status_code, _read(response, time.monotonic() + self.wall_seconds), facts)
            with path.open("wb") as target:
                for piece in response.iter_bytes(65_536):
                    target.write(piece)
                    if target.tell() > most_bytes:
                        raise _lost(f"answer of more than {most_bytes} bytes")
            return Answer(response.status_code, b"", facts)

    @contextlib.contextmanager
    def _stream(self, base_url: str, request: HttpRequest, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        client = self._creates if request.creates else self._reads
        address = base_url.rstrip("/") + "/" + request.path.lstrip("/")
        sent = {"User-Agent": _AGENT, "Accept": "application/json", **request.headers, **headers}
        try:
            with client.stream(
                request.method, address, content=request.body or None, params=dict(request.query) or None, headers=sent
            ) as response:
                yield response
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise NotSent("The provider cannot be reached.", detail=type(error).__name__) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise _lost(type(error).__name__) from error

    def close(self) -> None:
        """Close all connections."""
        self._reads.close()
        self._creates.close()


def _client(limits: httpx.Limits) -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT, limits=limits, follow_redirects=False, trust_env=False)


def _read(response: httpx.Response, deadline: float) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes(65_536):
        body += piece
        if len(body) > _MOST_BYTES:
            raise _lost("answer of more than 1 MiB")
        if time.monotonic() > deadline:
            raise _lost("answer took too long")
    return bytes(body)


def _lost(detail: str) -> ProviderUnavailable:
    return ProviderUnavailable("The connection to the provider was lost.", code="connection_lost", detail=detail)
