"""Public URLs of this site: where providers send webhooks, and where they fetch a source picture."""

from __future__ import annotations

import uuid

from django.core import signing
from django.urls import NoReverseMatch, reverse

from product_imagery.conf import get_settings

_SALT = "product_imagery.sources"
#: seconds a signed address stays good: longer than any queue at a provider that we have seen
VALID_SECONDS = 14 * 86_400


def read_urls() -> None:
    """Load the URL configuration now, because otherwise each of many threads would load it at the same time."""
    webhook_address(uuid.uuid4())


def webhook_address(credential: uuid.UUID, token: str = "") -> str:
    """Return the address for webhooks of a credential, or, with ``token``, for those of one job."""
    address = _absolute("webhook", str(credential))
    return f"{address}?job={token}" if address and token else address


def source_address(item: str, copy: str = "") -> str:
    """Return the signed, expiring address of an item's source picture, or of a smaller ``copy`` beside its results."""
    return _absolute("source", signing.dumps(f"{item}/{copy}".rstrip("/"), salt=_SALT, compress=False))


def read_signature(signed: str) -> tuple[str, str]:
    """The item's UUID and the copy's file name, empty for the source itself, from a signed address.

    Raises ``signing.BadSignature`` when it is forged or too old.
    """
    item, _, copy = str(signing.loads(signed, salt=_SALT, max_age=VALID_SECONDS)).partition("/")
    return item, copy


def _absolute(name: str, argument: str) -> str:
    """Empty where the site has no public address, or does not include our URLs."""
    base = get_settings().public_base_url
    if not base:
        return ""
    try:
        return base.rstrip("/") + reverse(f"product_imagery:{name}", args=[argument])
    except NoReverseMatch:
        return ""
