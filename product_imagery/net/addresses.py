"""Addresses that may be fetched: the policy, which every download and every event sent passes first.

A name is resolved once and every address it has is checked against our own table; the connection then goes to the
address that was checked (``Target``), so that a name cannot lead elsewhere in between.

``PRODUCT_IMAGERY["FETCH_ALLOW"]`` names ``host:port`` pairs that are let through, plain http included: for tests, and
for stores inside the shop's own network.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import FetchError, UnsafeAddress

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
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.ip_network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_NAME = re.compile(r"^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$")
_INTERNAL = re.compile(r"\.(internal|local|localhost|localdomain|lan|intranet|corp|home|svc|arpa|onion|test|invalid)$")


@dataclass(frozen=True)
class Target:
    """A checked URL: ``address`` is where to connect, ``host`` the name of the server."""

    url: str
    host: str
    address: str


def check_address(url: str, *, deadline: float | None = None, lookups: ThreadPoolExecutor | None = None) -> Target:
    """Check a URL without connecting.

    The lookup of its name ends at ``deadline`` (monotonic clock, seconds) and after 10 seconds at most; callers that
    must not wait for slow name servers of others bring threads of their own as ``lookups``.

    Raises ``UnsafeAddress``, or ``FetchError`` (``no_such_host``) when the name has no address.
    """
    host, port, allowed = _destination(url)
    addresses = _resolve(host, port, deadline, lookups or _lookups)
    refused = [address for address in addresses if not allowed and not is_public(address)]
    if refused:
        sentence = gettext("The address is not fetched: it does not lead to the public internet.")
        raise UnsafeAddress(sentence, detail=f"{host}: {refused[0]}")
    return Target(url, host, str(addresses[0]))


def check_syntax(url: str) -> None:
    """Check a URL as far as that goes without a lookup of its name. Raises ``UnsafeAddress``."""
    host, _, allowed = _destination(url)
    if not allowed and _is_literal(host) and not is_public(ipaddress.ip_address(host)):
        raise _unsafe(gettext("%(host)s is not a public address") % {"host": host})


def host_of(url: str) -> str:
    """Return the host of a URL. Raises ``UnsafeAddress`` for one that is not written as it should be."""
    return _split(url).hostname or ""


def redirected(url: str, location: str) -> str:
    """Return the URL that a redirect from ``url`` leads to. Raises ``UnsafeAddress`` when it cannot be read."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise _unsafe(gettext("the address it leads to cannot be read")) from error


def _destination(url: str) -> tuple[str, int, bool]:
    """Host, port, and whether the settings let it through."""
    parts = _split(url)
    host, port = (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
    allowed = f"{host}:{port}" in get_settings().fetch_allow
    if not allowed:
        _check_public(parts, host)
    return host, port, allowed


def is_public(address: _Address) -> bool:
    """Tell whether an address is an ordinary one on the public internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED)
    if address.scope_id is not None:
        return False
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def _split(url: str) -> SplitResult:
    if len(url) > 4096 or re.search(r"[\x00-\x20\x7f-\uffff\\]", url):
        raise _unsafe(gettext("the address holds characters that do not belong there"))
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise _unsafe(gettext("the address cannot be read")) from error
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise _unsafe(gettext("only https addresses without a user name are fetched"))
    return parts


def _check_public(parts: SplitResult, host: str) -> None:
    if parts.scheme != "https" or parts.port not in (None, 443):
        raise _unsafe(gettext("only https on its own port is fetched"))
    if not _is_literal(host) and (not _NAME.match(host) or _INTERNAL.search(f".{host}")):
        raise _unsafe(gettext("%(host)s is not a public name") % {"host": host})


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_lookups = ThreadPoolExecutor(8, thread_name_prefix="imagery-dns")


def _resolve(host: str, port: int, deadline: float | None, lookups: ThreadPoolExecutor) -> list[_Address]:
    if _is_literal(host):
        return [ipaddress.ip_address(host)]
    patience = 10.0 if deadline is None else max(0.1, min(10.0, deadline - time.monotonic()))
    try:
        lookup = lookups.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = lookup.result(patience)
    except (OSError, UnicodeError, FutureTimeout) as error:
        lookup.cancel()
        raise FetchError(
            gettext("The address has no server behind it."), code="no_such_host", detail=repr(error)
        ) from error
    return [ipaddress.ip_address(entry[4][0]) for entry in found]


def _unsafe(detail: str) -> UnsafeAddress:
    return UnsafeAddress(gettext("The address is not fetched: %(detail)s.") % {"detail": detail})
