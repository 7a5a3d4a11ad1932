"""Probe of the network between this machine and the providers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from django.utils import timezone

from product_imagery.doctor.findings import Finding, problem
from product_imagery.models import ProviderCredential
from product_imagery.provider_kit.registry import hosted_providers

_CONNECT_SECONDS = 4.0
_AT_ONCE = 8
_MANY_FAILURES = 3  #: failed calls in a row after which the cooldown of a credential is a finding
_PORTS = {"https": 443, "http": 80}


def reachability() -> Iterator[Finding]:
    """Open and close a connection to each provider in use. No call is made, nothing is spent."""
    usable = ProviderCredential.objects.filter(is_active=True, provider__in=hosted_providers())
    credentials = list(usable.filter(paused_at=None).order_by("pk"))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="reach") as threads:
        reasons = dict(zip(credentials, threads.map(_connection_fault, credentials), strict=True))
    found = False
    for credential, reason in reasons.items():
        detail = reason or _failures(credential)
        if detail:
            found = True
            yield problem("providers", f"{credential}: {detail}")
    if not found:
        yield Finding("providers", True)


def _connection_fault(credential: ProviderCredential) -> str:
    parts = urlsplit(credential.address())
    port = parts.port or _PORTS.get(parts.scheme, 443)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        advice = "Work waits and goes on by itself; nothing is bought twice. See the network, or the account's URL."
        return f"its provider cannot be reached at {parts.hostname}:{port}: {error}. {advice}"
    return ""


def _failures(credential: ProviderCredential) -> str:
    until = credential.cooldown_until
    if credential.consecutive_failures < _MANY_FAILURES or not until or until <= timezone.now():
        return ""
    note = credential.jobs.exclude(note="").order_by("-pk").values_list("note", flat=True).first() or ""
    last = f" Last: {note.strip()}" if note else ""
    detail = (
        f"{credential.consecutive_failures} calls in a row failed, and nothing is sent before {until:%H:%M:%S} UTC."
    )
    return f"{detail}{last} See its status page."
