"""The bytes of a create are known before it is sent, and so is the credential that it is sent with."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from product_imagery.flows.hosted.credential_session import CredentialSession
from product_imagery.flows.hosted.intent import credential_changed, whole_intent, with_intent
from product_imagery.models import ProviderCredential, ProviderJob
from tests.fakes.hosted import Account

pytestmark = pytest.mark.django_db

_KEPT = 64 * 1024


@pytest.fixture
def credential(account: Account) -> ProviderCredential:
    return account("productai")


def _sent(credential: ProviderCredential, body: bytes = b"{}", **remembered: Any) -> ProviderJob:
    return with_intent(ProviderJob(credential=credential, remembered=remembered), CredentialSession(credential), body)


@pytest.mark.parametrize("size", [0, 1, _KEPT])
def test_the_bytes_of_a_create_are_kept(credential: ProviderCredential, size: int) -> None:
    assert whole_intent(_sent(credential, b"x" * size)) == b"x" * size


def test_of_a_create_with_a_picture_inside_the_digest_is_kept(credential: ProviderCredential) -> None:
    body = b"x" * (_KEPT + 1)
    job = _sent(credential, body)
    assert job.intent == b"sha256:" + hashlib.sha256(body).hexdigest().encode()
    assert whole_intent(job) == b""


def test_a_job_without_an_intent_has_no_bytes() -> None:
    assert whole_intent(ProviderJob()) == b""


def test_what_the_job_remembered_stays(credential: ProviderCredential) -> None:
    assert _sent(credential, upload="u1").remembered["upload"] == "u1"


def test_the_same_credential_has_not_changed(credential: ProviderCredential) -> None:
    job = _sent(credential)
    assert not credential_changed(job, CredentialSession(ProviderCredential.objects.get()))


@pytest.mark.parametrize("part", ["key", "address"])
def test_another_key_or_address_is_another_credential(credential: ProviderCredential, part: str) -> None:
    job = _sent(credential)
    if part == "key":
        credential.set_secret("another key of the same shape")
    else:
        credential.base_url = "https://elsewhere.example/api"
        credential.set_secret("another key of the same shape")
    assert credential_changed(job, CredentialSession(credential))


def test_the_fingerprint_outlives_a_rotation_of_the_site_s_key(credential: ProviderCredential, settings: Any) -> None:
    session = CredentialSession(credential)
    job = _sent(credential)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "the site's next key"
    assert session.key  # decrypted before the rotation
    assert not credential_changed(job, session)
    settings.SECRET_KEY_FALLBACKS = []
    assert credential_changed(job, session)


def test_the_fingerprint_does_not_show_the_key(credential: ProviderCredential) -> None:
    session = CredentialSession(credential)
    assert session.key not in repr(_sent(credential).remembered)


def test_a_job_that_was_never_sent_has_no_credential_to_compare(credential: ProviderCredential) -> None:
    assert not credential_changed(ProviderJob(credential=credential, remembered={}), CredentialSession(credential))
