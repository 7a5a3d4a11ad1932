"""Classification of error responses, and their meaning for a create.

A request was *refused* only if the provider says so itself: in its own error envelope, with a status that its contract
names. After any other response to a create – a redirect, a web page, a 4xx from something in front of the provider – it
is unknown whether the create was accepted.
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
from product_imagery.texts import gettext, gettext_noop

#: statuses that count as refusals if the vendor documents none
REFUSALS = frozenset({400, 401, 402, 403, 404, 409, 413, 415, 422, 429})
ABSENCES = frozenset({404, 405})  #: statuses for a path that does not exist
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  #: not a reason phrase of a framework, such as “Not Found”
WRONG_ADDRESS = "wrong_address"
WEB_PAGE = "web_page"
_EXCERPT = 200  #: characters of a foreign body that are logged
_SENTENCES = {
    401: gettext_noop("%(label)s does not accept the key. Enter a valid one."),
    402: gettext_noop("The balance or the plan at %(label)s does not allow this. Top it up, then resume."),
    403: gettext_noop("%(label)s does not allow this with the key, or its plan or quota."),
}


@dataclass(frozen=True)
class ErrorInfo:
    """Content of an error envelope. ``is_own`` tells whether it is the provider's own."""

    code: str = ""
    message: str = ""
    request_id: str = ""
    is_own: bool = False


def has_code(code: str) -> bool:
    """Return whether ``code`` looks like an error code of an API."""
    return _CODE.fullmatch(code) is not None


def error_of(
    status: int, body: bytes, info: ErrorInfo, *, label: str, refusals: Collection[int], creates: bool
) -> ProviderError:
    """Return the exception for an error response. Its message is our sentence, followed by the provider's text."""
    own = info.is_own and status in refusals
    facts: dict[str, Any] = {"status": status, "request_id": info.request_id, "own": own}
    facts["detail"] = _detail(status, body, info)
    said = info.message or info.code
    quoted = " " + gettext("It says: “%(said)s”") % {"said": said} if said else ""
    if status == 429 and (own or not creates):
        return RateLimited(
            gettext("%(label)s asks to slow down.") % {"label": label}, code=info.code or "rate_limited", **facts
        )
    if status >= 500 or status in (408, 425):
        return ProviderUnavailable(
            gettext("%(label)s has trouble at the moment.%(quoted)s") % {"label": label, "quoted": quoted},
            code=info.code,
            **facts,
        )
    if status in _SENTENCES:
        sentence = gettext(_SENTENCES[status]) % {"label": label} + quoted
        return CredentialRefused(sentence, code=info.code or "credential_refused", **facts)
    if 300 <= status < 400:
        sentence = gettext("%(label)s sent us to another address (HTTP %(status)s): check the base address.") % {
            "label": label,
            "status": status,
        }
        return CredentialRefused(sentence, code="redirected", **facts)
    if own or not creates:
        return ProviderRefused(
            gettext("%(label)s refused the request (HTTP %(status)s).%(quoted)s")
            % {"label": label, "status": status, "quoted": quoted},
            code=info.code,
            **facts,
        )
    return _in_doubt(status, label, quoted, facts)


def _in_doubt(status: int, label: str, quoted: str, facts: dict[str, Any]) -> ProviderError:
    """Return the exception for a response that does not prove that a create was refused."""
    if status in ABSENCES:
        return wrong_address(label, status, facts["detail"])
    sentence = gettext("%(label)s, or something in front of it, responded with HTTP %(status)s.%(quoted)s") % {
        "label": label,
        "status": status,
        "quoted": quoted,
    }
    return ProviderUnavailable(sentence, code="foreign_answer", **facts)


def wrong_address(label: str, status: int | None, detail: str = "") -> CredentialRefused:
    """Return the exception for a base address without such an API."""
    sentence = gettext(
        "There is no API of %(label)s at this address: check the base address, with its version at the end."
    ) % {"label": label}
    return CredentialRefused(sentence, code=WRONG_ADDRESS, status=status, detail=detail)


def web_page(label: str, status: int) -> ProviderUnavailable:
    """Return the exception for a web page instead of data: a proxy, a login page, or another host."""
    sentence = gettext("%(label)s responded with a web page. Check the base address and the key.") % {"label": label}
    return ProviderUnavailable(sentence, code=WEB_PAGE, status=status)


def _detail(status: int, body: bytes, info: ErrorInfo) -> str:
    said = f"{info.code} {info.message} {info.request_id}".strip()
    return f"HTTP {status} {said or body[:_EXCERPT].decode(errors='replace')}".rstrip()
