"""The meaning of an HTTP status that is not success: whose word it is, and what it says about a create.

A request was *refused* only where the provider says so itself: in its own error envelope, under a status that its
contract names. Everything else that may follow a create – a redirect, a page, a foreign 4xx – leaves open whether it
was accepted.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from product_imagery.exceptions import (
    CredentialRefused,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
)

#: statuses under which an API that documents none may be believed that it refuses a request
REFUSALS = frozenset({400, 401, 402, 403, 404, 409, 413, 415, 422, 429})
ABSENCES = frozenset({404, 405})  #: statuses of a path that does not exist
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  #: unlike the reason phrases that frameworks write, such as “Not Found”
WRONG_ADDRESS = "wrong_address"
WEB_PAGE = "web_page"
_EXCERPT = 200  #: characters of a body that is not in the provider's envelope, for the log
_SENTENCES = {
    401: "{label} does not accept the key. Enter a valid one.",
    402: "The balance or the plan at {label} does not allow this. Top it up, then resume.",
    403: "{label} does not allow this with the key, or its plan or quota.",
}


@dataclass(frozen=True)
class Told:
    """What an error envelope says; ``is_own`` is whether there was one that is the provider's."""

    code: str = ""
    message: str = ""
    request_id: str = ""
    is_own: bool = False


def has_code(code: str) -> bool:
    """Whether this is an error code as APIs write it."""
    return _CODE.fullmatch(code) is not None


def error_of(
    status: int, body: bytes, told: Told, *, label: str, refusals: Collection[int], creates: bool
) -> ProviderError:
    """The error that an answer of this status is. Our sentence comes first, the provider's words after it."""
    own = told.is_own and status in refusals
    facts: dict[str, Any] = {"status": status, "request_id": told.request_id, "own": own}
    facts["detail"] = _detail(status, body, told)
    words = f" It says: “{told.message or told.code}”" if told.message or told.code else ""
    if status == 429 and (own or not creates):
        return RateLimited(f"{label} asks to slow down.", code=told.code or "rate_limited", **facts)
    if status >= 500 or status in (408, 425):
        return ProviderUnavailable(f"{label} has trouble at the moment.{words}", code=told.code, **facts)
    if status in _SENTENCES:
        sentence = _SENTENCES[status].format(label=label) + words
        return CredentialRefused(sentence, code=told.code or "credential_refused", **facts)
    if 300 <= status < 400:
        sentence = f"{label} sent us to another address (HTTP {status}): check the base address."
        return CredentialRefused(sentence, code="redirected", **facts)
    if own or not creates:
        return ProviderRefused(f"{label} refused the request (HTTP {status}).{words}", code=told.code, **facts)
    return _in_doubt(status, label, words, facts)


def _in_doubt(status: int, label: str, words: str, facts: dict[str, Any]) -> ProviderError:
    """A create may have been accepted for all that is said here."""
    if status in ABSENCES:
        return wrong_address(label, status, facts["detail"])
    sentence = f"{label}, or something in front of it, answered with HTTP {status}.{words}"
    return ProviderUnavailable(sentence, code="foreign_answer", **facts)


def wrong_address(label: str, status: int | None, detail: str = "") -> CredentialRefused:
    """There is no such API at the base address."""
    sentence = f"There is no API of {label} at this address: check the base address, with its version at the end."
    return CredentialRefused(sentence, code=WRONG_ADDRESS, status=status, detail=detail)


def web_page(label: str, status: int) -> ProviderUnavailable:
    """A page where data should be: a proxy, a login page, or another host."""
    sentence = f"{label} answered with a web page. Check the base address and the key."
    return ProviderUnavailable(sentence, code=WEB_PAGE, status=status)


def _detail(status: int, body: bytes, told: Told) -> str:
    said = f"{told.code} {told.message} {told.request_id}".strip()
    return f"HTTP {status} {said or body[:_EXCERPT].decode(errors='replace')}".rstrip()
