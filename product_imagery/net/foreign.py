"""Requests to servers that anybody may have named.

They go to an address that the policy has checked, with no credentials, no cookies, no proxy from the environment and
no compression, and end at a deadline.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpcore
from django.utils.translation import gettext

from product_imagery.exceptions import FetchError
from product_imagery.net.addresses import Target
from product_imagery.net.connections import Connections
from product_imagery.net.deadline import until

_AGENT = "product_imagery"
TIMEOUT = {"timeout": {"connect": 5.0, "read": 15.0, "write": 15.0, "pool": 5.0}}  #: seconds, for httpcore


def open_connections(*, keep: bool) -> Connections:
    """Return connections to servers that this machine trusts; with ``keep`` they stay open for the next request."""
    return Connections(_tls(), keep=keep)


@functools.cache
def _tls() -> ssl.SSLContext:
    """The machine's certificate authorities, read once: that takes 25 ms."""
    return ssl.create_default_context()


def request_headers(url: str) -> list[tuple[str, str]]:
    """Return the headers of every request."""
    return [("Host", urlsplit(url).netloc), ("User-Agent", _AGENT), ("Accept-Encoding", "identity")]


@contextmanager
def send(
    request: httpcore.Request, target: Target, deadline: float, connections: Connections
) -> Iterator[httpcore.Response]:
    """Send a request to the checked address, or on a connection to one that was checked when it was opened.

    ``deadline`` is on the monotonic clock. Raises ``FetchError`` when the connection breaks, then or while the response
    is read.
    """
    try:
        with until(deadline, target.address), connections.stream(request) as response:
            yield response
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as error:
        raise FetchError(
            gettext("The connection to the other server was lost."), detail=type(error).__name__
        ) from error
