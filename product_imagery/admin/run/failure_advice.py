"""Advice to the person who ordered pictures that failed, by the code of the error."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

_REPLACE = _("Give these products another picture, then start this look for them anew.")
_UPLOAD = _("The file is gone or cannot be read. Upload the pictures of these products again, then start anew.")
_SMALLER = _("Upload a smaller picture, then start this look anew.")
_CREDENTIAL = _("Look at the account: its key, its plan or its balance. Then try again.")
_LATER = _("This usually passes: try again in a few minutes.")
_OPTIONS = _("Choose another look or other options for these products.")
_OPERATOR = _("Whoever runs this site has to look at it.")
_AGAIN = _("Try again. If it fails for the same reason, choose another picture or another look.")

_ADVICE: dict[str, Any] = {
    **dict.fromkeys(
        ("not_an_image", "bad_picture", "truncated", "damaged", "unsupported_format", "animated", "empty"), _REPLACE
    ),
    **dict.fromkeys(("too_small", "nothing_found", "compressed", "not_genuine"), _REPLACE),
    **dict.fromkeys(("missing", "gone", "unreadable_name", "no_picture", "product_gone"), _UPLOAD),
    **dict.fromkeys(("too_large", "too_many_pixels", "too_many_bytes", "source_too_large"), _SMALLER),
    **dict.fromkeys(
        ("credential_refused", "out_of_tokens", "forbidden", "invalid_api_key", "credential_off", "no_key"), _CREDENTIAL
    ),
    **dict.fromkeys(
        ("not_sent", "rate_limited", "provider_unavailable", "connection_lost", "busy", "no_connection"), _LATER
    ),
    **dict.fromkeys(("fetch_failed", "lease_lost", "lease_expired", "engine_timeout", "provider", "own_limit"), _LATER),
    **dict.fromkeys(("bad_option", "bad_request", "unsupported_operation", "provider_refused"), _OPTIONS),
    **dict.fromkeys(
        ("storage", "engine", "engine_broken", "engine_crashed", "model_missing", "temp_full", "configuration"),
        _OPERATOR,
    ),
    **dict.fromkeys(("secret_unreadable", "secret_moved", "kills_workers", "source_unreachable"), _OPERATOR),
    "given_up": _("A person gave these up. Trying again orders them anew, which may cost again."),
}


def advice(code: str) -> str:
    """Return what to do about pictures that failed with this code."""
    return str(_ADVICE.get(code, _AGAIN))
