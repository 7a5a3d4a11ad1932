"""A look at the way to the providers: from here to the address of each account in use."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

from django.utils import timezone

from product_imagery.doctor.findings import Finding, problem
from product_imagery.models import ProviderCredential
from product_imagery.provider_kit.registry import hosted_providers

_CONNECT_SECONDS = 4.0
_AT_ONCE = 8
_MANY_TROUBLES = 3  #: failed calls in a row after which an account that rests is told
_PORTS = {"https": 443, "http": 80}


def reachability() -> Iterator[Finding]:
    """Open a connection to each provider in use, and close it again: no call is made, nothing is spent."""
    usable = ProviderCredential.objects.filter(is_active=True, provider__in=hosted_providers())
    accounts = list(usable.filter(paused_at=None).order_by("pk"))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="reach") as threads:
        reasons = dict(zip(accounts, threads.map(_cannot_connect, accounts), strict=True))
    found = False
    for account, reason in reasons.items():
        detail = reason or _keeps_failing(account)
        if detail:
            found = True
            yield problem("providers", f"{account}: {detail}")
    if not found:
        yield Finding("providers", True)


def _cannot_connect(account: ProviderCredential) -> str:
    parts = urlsplit(account.address())
    port = parts.port or _PORTS.get(parts.scheme, 443)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        advice = "Work waits and goes on by itself; nothing is bought twice. See the network, or the account's address."
        return f"its provider cannot be reached at {parts.hostname}:{port}: {error}. {advice}"
    return ""


def _keeps_failing(account: ProviderCredential) -> str:
    if account.troubles < _MANY_TROUBLES or not account.resting_until or account.resting_until <= timezone.now():
        return ""
    waits = account.jobs.exclude(note="").order_by("-pk").values_list("note", flat=True).first() or ""
    with suppress(AttributeError):
        waits = waits.strip()
    told = f" Last: {waits}" if waits else ""
    until = f"{account.resting_until:%H:%M:%S}"
    return (
        f"{account.troubles} calls in a row failed, and nothing is sent before {until} UTC.{told} See its status page."
    )
