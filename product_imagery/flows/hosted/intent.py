"""The intent of a create: its exact bytes, and the account that it is sent with."""

from __future__ import annotations

import hashlib

from product_imagery.flows.hosted.credential_session import CredentialSession
from product_imagery.models import ProviderJob

_DIGEST = b"sha256:"
_SENT_WITH = "account"  #: key of the fingerprint in ``ProviderJob.remembered``
_KEPT_BYTES = 64 * 1024  #: a longer intent (a picture inside) is kept as its SHA-256


def with_intent(job: ProviderJob, session: CredentialSession, body: bytes) -> ProviderJob:
    """Set the intent of a job, the bytes of its create, and the fingerprint of the account; the mailbox saves them."""
    job.intent = body if len(body) <= _KEPT_BYTES else _DIGEST + hashlib.sha256(body).hexdigest().encode()
    job.remembered = {**job.remembered, _SENT_WITH: session.fingerprint}
    return job


def whole_intent(job: ProviderJob) -> bytes:
    """Return the bytes of the create; empty where only their digest is kept."""
    intent = bytes(job.intent or b"")
    return b"" if intent.startswith(_DIGEST) else intent


def credential_changed(job: ProviderJob, session: CredentialSession) -> bool:
    """Say whether key or address differ from those that the job was sent with. Raises ``CredentialRefused``."""
    sent_with = job.remembered.get(_SENT_WITH)
    return bool(sent_with) and not session.is_that_of(sent_with)
