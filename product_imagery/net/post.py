"""Events sent to webhook endpoints: short responses in little time, and no redirect is followed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpcore

from product_imagery.net.addresses import check_address
from product_imagery.net.connections import headers_of
from product_imagery.net.foreign import TIMEOUT, open_connections, request_headers, send

POST_SECONDS = 15.0
_REPLY_BYTES = 16 * 1024
#: of their own: slow name servers of receivers do not hold up downloads
_lookups = ThreadPoolExecutor(8, thread_name_prefix="imagery-event-dns")


@dataclass(frozen=True)
class Reply:
    """The response of a receiver: the beginning of the body, and the seconds of ``Retry-After``."""

    status: int
    body: bytes
    retry_after: float = 0.0


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    """Send ``body`` to ``url`` within 15 seconds; 16 KiB of the response are read.

    Raises ``UnsafeAddress`` or ``FetchError``.
    """
    deadline = time.monotonic() + POST_SECONDS
    target = check_address(url, deadline=deadline, lookups=_lookups)
    sent = [*request_headers(url), ("Content-Length", str(len(body))), *headers.items()]
    request = httpcore.Request("POST", url, headers=sent, content=body, extensions=TIMEOUT)
    with send(request, target, deadline, open_connections(keep=False)) as response:
        wait = headers_of(response).get("retry-after", "").strip()
        seconds = float(wait[:9]) if wait.isascii() and wait.isdigit() else 0.0
        return Reply(response.status, b"".join(_beginning(response, _REPLY_BYTES)), seconds)


def _beginning(response: httpcore.Response, most: int) -> Iterator[bytes]:
    for piece in response.iter_stream():
        yield piece[:most]
        most -= len(piece)
        if most <= 0:
            return
