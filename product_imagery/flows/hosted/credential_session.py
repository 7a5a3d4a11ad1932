"""Accounts: credentials with their keys decrypted, and the calls that are made with them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from product_imagery.encryption import MaskedStr
from product_imagery.exceptions import CredentialRefused, SecretError
from product_imagery.models import ProviderCredential
from product_imagery.net.transport import Transport
from product_imagery.provider_kit.registry import get_provider
from product_imagery.provider_kit.requests import HttpRequest
from product_imagery.provider_kit.response import Response

_ECHO = "••••".encode()
_SHORTEST_KEY = 8  #: bytes; a shorter text is no key and may be part of any response


class CredentialSession:
    """A credential in use: its decrypted key and the headers made of it, for all calls that were leased together."""

    def __init__(self, credential: ProviderCredential) -> None:
        self.credential = credential

    @functools.cached_property
    def key(self) -> MaskedStr:
        """The decrypted key. Raises ``CredentialRefused`` where there is none that can be sent."""
        try:
            key = MaskedStr(self.credential.secret().reveal())
        except SecretError as error:
            raise CredentialRefused(error.message, code=error.code) from error
        if not key and get_provider(self.credential.provider).needs_credential:
            raise CredentialRefused(gettext("The account has no key."), code="no_key")
        if not (key.isascii() and key.isprintable()):
            sentence = gettext("The account's key holds characters that cannot be sent. Enter it again.")
            raise CredentialRefused(sentence, code="unsendable_key")
        return key

    @functools.cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers that carry the key. Raises ``CredentialRefused``."""
        provider = get_provider(self.credential.provider)()
        return {name: MaskedStr(value) for name, value in provider.authorisation(self.key).items()}

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of base address and key, made with the site's ``SECRET_KEY``: it identifies the account, not the key.

        Raises ``CredentialRefused``.
        """
        return self._fingerprint(settings.SECRET_KEY)

    def is_that_of(self, fingerprint: str) -> bool:
        """Say whether an earlier fingerprint is of this account. Raises ``CredentialRefused``."""
        return any(
            self._fingerprint(key) == fingerprint for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        )

    def _fingerprint(self, site_key: str | bytes) -> str:
        material = f"{self.credential.address()}\n{self.key}"
        return salted_hmac("product_imagery account", material, site_key, algorithm="sha256").hexdigest()[:32]

    def without_key(self, response: Response) -> Response:
        """Return the response with our key masked, if the provider has echoed it."""
        key = self.key.encode()
        echoed = len(key) >= _SHORTEST_KEY and key in response.body
        return replace(response, body=response.body.replace(key, _ECHO)) if echoed else response


class Caller:
    """Calls providers with the keys of accounts."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, session: CredentialSession, request: HttpRequest) -> Response:
        """Send a request with the account's key. Raises ``ProviderError``."""
        credential = session.credential
        patience = credential.declared.patience
        return session.without_key(self._transport.send(credential.address(), request, session.headers, patience))

    def save(self, session: CredentialSession, request: HttpRequest, path: Path, most_bytes: int) -> Response:
        """Send a request as ``send`` does; save the body of a success as a file. Raises ``ProviderError``."""
        return self._transport.save(session.credential.address(), request, session.headers, path, most_bytes)
