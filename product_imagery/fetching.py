"""The only module that downloads from foreign addresses.

A name is resolved once, every address it has is checked against our own table, and the connection goes to the address
that was checked. Redirects are followed by hand, each hop checked like the first. No credentials, no cookies, no proxy
from the environment, no compression; a cap on bytes and a wall clock on the whole.

``PRODUCT_IMAGERY["FETCH_ALLOW"]`` names ``host:port`` pairs that are let through, plain http included: for tests, and
for stores inside the shop's own network.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

import httpcore

from product_imagery.conf import get_settings
from product_imagery.exceptions import FetchError, UnsafeAddress
from product_imagery.net.connections import Connections
from product_imagery.net.deadline import until

_HOPS = 3
_AGENT = "product_imagery"
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: IANA special-purpose registries (RFC 6890 and updates), and wrappers that can carry any IPv4 address. Our own table:
#: ``ipaddress.is_global`` of older Pythons lets several of these through (CVE-2024-4032).
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_TIMEOUT = {"timeout": {"connect": 5.0, "read": 15.0, "write": 15.0}}
_POST_SECONDS = 15.0
_REPLY_BYTES = 16 * 1024
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.ip_network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_NAME = re.compile(r"^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$")
_INTERNAL = re.compile(r"\.(internal|local|localhost|localdomain|lan|intranet|corp|home|svc|arpa|onion|test|invalid)$")


@dataclass(frozen=True)
class FetchLimits:
    """Bounds of one download: bytes, and seconds from first lookup to last byte."""

    most_bytes: int = 50 * 1024 * 1024
    wall_seconds: float = 60.0


@dataclass(frozen=True)
class Reply:
    """What a receiver answered: the beginning of the body, and the seconds of ``Retry-After``."""

    status: int
    body: bytes
    retry_after: float = 0.0


@dataclass(frozen=True)
class _Target:
    """A checked hop: where to connect, and what the server is called."""

    url: str
    host: str
    address: str


def fetch(
    url: str,
    path: Path,
    limits: FetchLimits | None = None,
    connections: Connections | None = None,
    check_host: Callable[[str], None] | None = None,
) -> None:
    """Download ``url`` to ``path``, on one of ``connections`` if there is one to the same server.

    ``check_host`` raises ``UnsafeAddress`` for a host, of the address or of a redirect, that is not to be asked.
    Raises ``UnsafeAddress`` when it, or a redirect, leads where we do not go, and ``FetchError`` for everything else;
    its code is ``gone`` when the server says that the file is not there (any more).
    """
    limits = limits or FetchLimits()
    connections = connections or open_connections(0)
    deadline = time.monotonic() + limits.wall_seconds
    for _hop in range(_HOPS + 1):
        if check_host:
            check_host(_split(url).hostname or "")
        target = check_address(url, deadline=deadline)
        onward = _fetch_hop(target, path, limits, deadline, connections)
        if not onward:
            return
        url = _joined(url, onward)
    raise UnsafeAddress("The address leads through too many redirects.", code="too_many_redirects")


def _joined(url: str, onward: str) -> str:
    try:
        return urljoin(url, onward)
    except ValueError as error:
        raise _unsafe("the address it leads to cannot be read") from error


def open_connections(kept: int) -> Connections:
    """Connections for downloads, to servers that this machine trusts."""
    return Connections(kept, _tls())


@functools.cache
def _tls() -> ssl.SSLContext:
    """One for all: building it reads every certificate authority, 25 ms each time."""
    return ssl.create_default_context()


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    """Send ``body`` to ``url`` within 15 seconds; no redirect is followed, and 16 KiB of the answer are read.

    Raises ``UnsafeAddress`` or ``FetchError``.
    """
    deadline = time.monotonic() + _POST_SECONDS
    target = check_address(url, deadline=deadline, lookups=_event_lookups)
    sent = [*_headers(url), ("Content-Length", str(len(body))), *headers.items()]
    request = httpcore.Request("POST", url, headers=sent, content=body, extensions=_TIMEOUT)
    with _answer(request, target, deadline, open_connections(0)) as response:
        wait = _read_headers(response).get("retry-after", "").strip()
        seconds = float(wait[:9]) if wait.isascii() and wait.isdigit() else 0.0
        return Reply(response.status, b"".join(_up_to(_REPLY_BYTES, response)), seconds)


def _read_headers(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _up_to(most: int, response: httpcore.Response) -> Iterator[bytes]:
    for piece in response.iter_stream():
        yield piece[:most]
        most -= len(piece)
        if most <= 0:
            return


@contextmanager
def _answer(
    request: httpcore.Request, target: _Target, deadline: float, connections: Connections
) -> Iterator[httpcore.Response]:
    """Send a request to the checked address, or on a connection to one that was checked when it was opened.

    What breaks on it becomes ``FetchError``.
    """
    try:
        with until(deadline, target.address), connections.answer(request) as response:
            yield response
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as error:
        raise FetchError("The connection to the other server was lost.", detail=type(error).__name__) from error


def check_address(url: str, *, deadline: float | None = None, lookups: ThreadPoolExecutor | None = None) -> _Target:
    """Check an address without connecting. Raises ``UnsafeAddress``, or ``FetchError`` when it has none."""
    host, port, allowed = _destination(url)
    addresses = _resolve(host, port, deadline, lookups or _lookups)
    refused = [address for address in addresses if not allowed and not is_public(address)]
    if refused:
        sentence = "The address is not fetched: it does not lead to the public internet."
        raise UnsafeAddress(sentence, detail=f"{host}: {refused[0]}")
    return _Target(url, host, str(addresses[0]))


def check_syntax(url: str) -> None:
    """Check what can be told without looking a name up. Raises ``UnsafeAddress``."""
    host, _, allowed = _destination(url)
    if not allowed and _is_literal(host) and not is_public(ipaddress.ip_address(host)):
        raise _unsafe(f"{host} is not a public address")


def _destination(url: str) -> tuple[str, int, bool]:
    """(host, port, whether the settings let it through) of an address that is written as it should be."""
    parts = _split(url)
    host, port = (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
    allowed = f"{host}:{port}" in get_settings().fetch_allow
    if not allowed:
        _check_public(parts, host)
    return host, port, allowed


def is_public(address: _Address) -> bool:
    """Whether an address is an ordinary one on the public internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED)
    if address.scope_id is not None:
        return False
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def _split(url: str) -> SplitResult:
    if len(url) > 4096 or re.search(r"[\x00-\x20\x7f-\uffff\\]", url):
        raise _unsafe("the address holds characters that do not belong there")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise _unsafe("the address cannot be read") from error
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise _unsafe("only https addresses without a user name are fetched")
    return parts


def _check_public(parts: SplitResult, host: str) -> None:
    if parts.scheme != "https" or parts.port not in (None, 443):
        raise _unsafe("only https on its own port is fetched")
    if not _is_literal(host) and (not _NAME.match(host) or _INTERNAL.search(f".{host}")):
        raise _unsafe(f"{host} is not a public name")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


#: of their own for each purpose: slow name servers of one do not hold up the other
_lookups = ThreadPoolExecutor(8, thread_name_prefix="imagery-dns")
_event_lookups = ThreadPoolExecutor(8, thread_name_prefix="imagery-event-dns")


def _resolve(host: str, port: int, deadline: float | None, lookups: ThreadPoolExecutor) -> list[_Address]:
    if _is_literal(host):
        return [ipaddress.ip_address(host)]
    patience = 10.0 if deadline is None else max(0.1, min(10.0, deadline - time.monotonic()))
    try:
        lookup = lookups.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = lookup.result(patience)
    except (OSError, UnicodeError, FutureTimeout) as error:
        lookup.cancel()
        raise FetchError("The address has no server behind it.", code="no_such_host", detail=repr(error)) from error
    return [ipaddress.ip_address(entry[4][0]) for entry in found]


def _fetch_hop(target: _Target, path: Path, limits: FetchLimits, deadline: float, connections: Connections) -> str:
    """Download one hop; return where it redirects to, or nothing when the file is there."""
    request = httpcore.Request("GET", target.url, headers=_headers(target.url), extensions=_TIMEOUT)
    with _answer(request, target, deadline, connections) as response:
        return _receive(response, path, limits)


def _headers(url: str) -> list[tuple[str, str]]:
    return [("Host", urlsplit(url).netloc), ("User-Agent", _AGENT), ("Accept-Encoding", "identity")]


def _receive(response: httpcore.Response, path: Path, limits: FetchLimits) -> str:
    headers = _read_headers(response)
    if response.status in (301, 302, 303, 307, 308) and headers.get("location"):
        return str(headers["location"])
    if response.status != 200:
        code = "gone" if response.status in (403, 404, 410) else "fetch_failed"
        raise FetchError("The file's server does not give it out.", code=code, detail=f"HTTP {response.status}")
    if headers.get("content-encoding", "identity") != "identity":
        sentence = "The file's server sends it compressed, although that was not asked for, so it is not read."
        raise FetchError(sentence, code="compressed", detail=headers["content-encoding"][:100])
    announced = headers.get("content-length", "")
    length = int(announced) if announced.isdigit() else None
    if length is not None and length > limits.most_bytes:
        raise _too_large(limits)
    try:
        written = _write(response, path, limits)
    except httpcore.RemoteProtocolError as error:  # the server hung up in the middle of it
        raise FetchError(_PART, code="truncated", detail=str(error)[:200]) from error
    if length is not None and written != length:
        raise FetchError(_PART, code="truncated", detail=f"{written} of {length} bytes")
    return ""


_PART = "Only a part of the file arrived."


def _write(response: httpcore.Response, path: Path, limits: FetchLimits) -> int:
    """Write the body to ``path`` and return how many bytes it has."""
    written = 0
    with path.open("wb") as target:
        for piece in response.iter_stream():
            written += len(piece)
            if written > limits.most_bytes:
                raise _too_large(limits)
            target.write(piece)
    return written


def _unsafe(detail: str) -> UnsafeAddress:
    return UnsafeAddress(f"The address is not fetched: {detail}.")


def _too_large(limits: FetchLimits) -> FetchError:
    return FetchError(f"The file has more than {limits.most_bytes / 1e6:.0f} MB.", code="too_large")
