"""Downloads from servers that anybody may have named.

Redirects are followed by hand, and each hop is checked like the first one. A limit on bytes and a deadline bound the
whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpcore
from django.utils.translation import gettext, gettext_noop

from product_imagery.exceptions import FetchError, UnsafeAddress
from product_imagery.net.addresses import Target, check_address, host_of, redirected
from product_imagery.net.connections import Connections, bounded, headers_of
from product_imagery.net.foreign import TIMEOUT, open_connections, request_headers, send

_HOPS = 3
_PART = gettext_noop("Only a part of the file arrived.")


@dataclass(frozen=True)
class FetchLimits:
    """Bounds of one download: bytes, and seconds from first lookup to last byte."""

    most_bytes: int = 50 * 1024 * 1024
    wall_seconds: float = 60.0


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
    connections = connections or open_connections(keep=False)
    deadline = time.monotonic() + limits.wall_seconds
    for _hop in range(_HOPS + 1):
        if check_host:
            check_host(host_of(url))
        target = check_address(url, deadline=deadline)
        onward = _fetch_hop(target, path, limits, deadline, connections)
        if not onward:
            return
        url = redirected(url, onward)
    raise UnsafeAddress(gettext("The address leads through too many redirects."), code="too_many_redirects")


def _fetch_hop(target: Target, path: Path, limits: FetchLimits, deadline: float, connections: Connections) -> str:
    """Download one hop; return where it redirects to, or nothing when the file is there."""
    request = httpcore.Request("GET", target.url, headers=request_headers(target.url), extensions=TIMEOUT)
    with send(request, target, deadline, connections) as response:
        return _receive(response, path, limits)


def _receive(response: httpcore.Response, path: Path, limits: FetchLimits) -> str:
    headers = headers_of(response)
    if response.status in (301, 302, 303, 307, 308) and headers.get("location"):
        return headers["location"]
    if response.status != 200:
        code = "gone" if response.status in (403, 404, 410) else "fetch_failed"
        raise FetchError(
            gettext("The file's server does not give it out."), code=code, detail=f"HTTP {response.status}"
        )
    if headers.get("content-encoding", "identity") != "identity":
        sentence = gettext("The file's server sends it compressed, although that was not asked for, so it is not read.")
        raise FetchError(sentence, code="compressed", detail=headers["content-encoding"][:100])
    announced = headers.get("content-length", "")
    length = int(announced) if announced.isdigit() else None
    too_large = FetchError(
        gettext("The file has more than %(megabytes).0f MB.") % {"megabytes": limits.most_bytes / 1e6},
        code="too_large",
    )
    if length is not None and length > limits.most_bytes:
        raise too_large
    try:
        with path.open("wb") as file:
            written = sum(file.write(piece) for piece in bounded(response, limits.most_bytes, too_large))
    except httpcore.RemoteProtocolError as error:  # the server hung up in the middle of it
        raise FetchError(gettext(_PART), code="truncated", detail=str(error)[:200]) from error
    if length is not None and written != length:
        raise FetchError(gettext(_PART), code="truncated", detail=f"{written} of {length} bytes")
    return ""
