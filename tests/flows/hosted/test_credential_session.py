"""A key is decrypted once for the calls of a lease, refused where it cannot be sent, and masked where it comes back."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet

from product_imagery.exceptions import CredentialRefused
from product_imagery.flows.hosted.credential_session import CredentialSession
from product_imagery.models import ProviderCredential
from product_imagery.provider_kit.response import Response
from tests.fakes.hosted import Account
from tests.fakes.server import KEYS

pytestmark = pytest.mark.django_db


def test_the_headers_carry_the_key_of_the_provider(account: Account) -> None:
    session = CredentialSession(account("productai"))
    assert KEYS["productai"] in "".join(session.headers.values())


def test_neither_key_nor_headers_show_in_a_representation(account: Account) -> None:
    session = CredentialSession(account("productai"))
    assert KEYS["productai"] not in f"{session.key!r} {dict(session.headers)!r}"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "no_key"),
        ("schlüssel", "unsendable_key"),
        ("two\nlines", "unsendable_key"),
        ("tab\tinside", "unsendable_key"),
    ],
)
def test_a_key_that_cannot_be_sent_is_refused(account: Account, key: str, code: str) -> None:
    credential = account("productai")
    credential.set_secret(key)
    with pytest.raises(CredentialRefused) as caught:
        _ = CredentialSession(credential).headers
    assert caught.value.code == code


def test_a_key_that_cannot_be_decrypted_is_refused(account: Account, settings: Any) -> None:
    credential = account("productai")
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "SECRET_KEYS": [Fernet.generate_key().decode()]}
    with pytest.raises(CredentialRefused):
        _ = CredentialSession(credential).key


def test_a_provider_without_credentials_needs_no_key(db: None) -> None:
    assert CredentialSession(ProviderCredential(provider="local", label="free")).key == ""


def test_an_echoed_key_is_masked(account: Account) -> None:
    session = CredentialSession(account("productai"))
    response = Response(401, f'{{"error": "invalid key {KEYS["productai"]}"}}'.encode())
    masked = session.without_key(response).body
    assert KEYS["productai"].encode() not in masked
    assert masked.startswith(b'{"error": "invalid key ')


def test_a_short_text_is_no_key_that_is_masked(account: Account) -> None:
    credential = account("productai")
    credential.set_secret("error")
    response = Response(401, b'{"error": "no"}')
    assert CredentialSession(credential).without_key(response) == response
