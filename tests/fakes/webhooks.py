"""Webhooks as the fake providers sign and send them."""

from __future__ import annotations

import hashlib
import hmac
import time

from django.test import Client

from product_imagery.models import ProviderCredential
from tests.fakes.hosted import WHSEC
from tests.fakes.server import KEYS


def url_of(credential: ProviderCredential, job: str = "") -> str:
    """Return the webhook address of a credential, or of one of its jobs."""
    return f"/imagery/webhooks/{credential.webhook_uuid}/" + (f"?job={job}" if job else "")


def aigen_headers(
    body: bytes, *, key: str = KEYS["aigenstudio"], at: float | None = None, event: str = "evt_1"
) -> dict[str, str]:
    """Return the headers with which AI Gen Studio signs a webhook."""
    stamp = str(int(time.time() if at is None else at))
    secret = hashlib.sha256(key.encode()).hexdigest().encode()
    signature = hmac.new(secret, f"{stamp}.{event}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "HTTP_X_AIGEN_SIGNATURE": f"v1={signature}",
        "HTTP_X_AIGEN_TIMESTAMP": stamp,
        "HTTP_X_AIGEN_EVENT_ID": event,
    }


def paqshot_headers(body: bytes, secret: str = WHSEC) -> dict[str, str]:
    """Return the headers with which Paqshot signs a webhook."""
    return {"HTTP_X_PAQSHOT_SIGNATURE": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def deliver(client: Client, url: str, body: bytes, headers: dict[str, str]) -> int:
    """Post a webhook and return the status of the response."""
    return client.post(url, body, content_type="application/json", **headers).status_code  # type: ignore[arg-type]
