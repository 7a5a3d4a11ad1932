"""Authentication of programs by API key, and of members of staff by session."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from product_imagery.models import ApiKey

_SCHEME = "Bearer"
_REFUSED_HEADERS = ("x-api-key", "api-key", "x-auth-token")
_REFUSED_PARAMETERS = ("api_key", "apikey", "key", "token", "access_token")


class KeyAuthentication(BaseAuthentication):
    """Accept ``Authorization: Bearer pik_live_…`` and nothing else: keys in URLs end up in logs."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        """Return the owner and the key; ``None`` without the header.

        Raises ``AuthenticationFailed``: the same for unknown, expired and revoked keys.
        """
        if any(name in request.headers for name in _REFUSED_HEADERS):
            raise AuthenticationFailed("Send the key as “Authorization: Bearer …”.", code="unsupported_authentication")
        if any(name in request.query_params for name in _REFUSED_PARAMETERS):
            raise AuthenticationFailed("Keys in the URL are not accepted.", code="unsupported_authentication")
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        scheme, _, text = header.partition(" ")
        key = ApiKey.objects.find_valid(text.strip()) if scheme.lower() == _SCHEME.lower() else None
        if key is None:
            raise AuthenticationFailed("The API key is not valid.", code="invalid_api_key")
        return key.owner, key

    def authenticate_header(self, request: Request) -> str:
        """Return the value of ``WWW-Authenticate`` for a 401."""
        return _SCHEME


class StaffSession(SessionAuthentication):
    """Accept the session of a member of staff, with Django's CSRF protection."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """Return the user; ``None`` without a session, and for users who are not staff."""
        authenticated = super().authenticate(request)
        return authenticated if authenticated is not None and authenticated[0].is_staff else None
