"""Steps with credentials: check a key, resume after a pause, encrypt stored secrets anew."""

from __future__ import annotations

import uuid

from django.db.models.functions import Now
from django.utils.translation import gettext

from product_imagery import background
from product_imagery.encryption import reseal
from product_imagery.exceptions import RequestError, SecretError
from product_imagery.flows.hosted import resources
from product_imagery.models import ProviderCredential, ProviderJob, WebhookEndpoint
from product_imagery.models.credential_secrets import KEY
from product_imagery.provider_kit.contract import Provider
from product_imagery.provider_kit.outcomes import Undecidable
from product_imagery.states import JobState


def check(credential: ProviderCredential) -> str:
    """Make the provider's cheapest call with the stored key; return a sentence if it is accepted.

    Raises ``ProviderError`` or ``SecretError`` when it is not, ``RequestError`` where no check exists.
    """
    provider = credential.declared()
    if not provider.needs_credential:
        return gettext("%(label)s needs no key.") % {"label": gettext(provider.label)}
    outcome = resources.converse(credential, provider.check_credential())
    if isinstance(outcome, Undecidable):
        raise RequestError(outcome.why, code="no_check")
    environment = provider.environment(credential.secret().reveal())
    facts = {"label": provider.label, "environment": gettext(environment)}
    if environment:
        return gettext("%(label)s accepts the key (%(environment)s).") % facts
    return gettext("%(label)s accepts the key.") % facts


def resume(credential: ProviderCredential) -> None:
    """End a pause. Waiting jobs are due at once, but one create at a time is sent until one succeeds."""
    unpaused = {"paused_at": None, "paused_reason": "", "stops_reads": False, "awaits_key": False}
    changes = {**unpaused, "cooldown_until": None, "creates_after": None, "consecutive_failures": 1}
    ProviderCredential.objects.filter(pk=credential.pk).update(**changes)
    # Lost creates keep their due time: they have to arrive before they are looked up.
    waiting = ProviderJob.objects.filter(credential=credential, state=JobState.QUEUED)
    waiting.filter(due_at__gt=Now()).update(due_at=Now())
    background.wake()


def welcome_key(credential: ProviderCredential) -> bool:
    """Resume after a new key was entered, if the old one was the reason of the pause; return whether it was."""
    if credential.awaits_key:
        resume(credential)
    return credential.awaits_key


def move_webhook(credential: ProviderCredential) -> None:
    """Give an account a new address for webhooks. The old one, which others may know, works for another week."""
    moved = {"webhook_uuid": uuid.uuid4(), "former_webhook_uuid": credential.webhook_uuid, "moved_at": Now()}
    ProviderCredential.objects.filter(pk=credential.pk, webhook_uuid=credential.webhook_uuid).update(**moved)


def renew_encryption() -> tuple[int, list[str]]:
    """Encrypt every stored secret with the newest key. May be interrupted and repeated.

    Returns how many accounts and endpoints were done, and the names of those that no key decrypts.
    """
    done, unreadable = 0, []
    for credential in ProviderCredential.objects.exclude(sealed={}).order_by("pk").iterator():
        try:
            sealed = {name: [reseal(token) for token in tokens] for name, tokens in credential.sealed.items()}
        except SecretError:
            unreadable.append(credential.label)
            continue
        done += ProviderCredential.objects.filter(pk=credential.pk, sealed=credential.sealed).update(sealed=sealed)
    for endpoint in WebhookEndpoint.objects.order_by("pk").iterator():
        try:
            tokens = [{**one, "token": reseal(one["token"])} for one in endpoint.sealed]
        except SecretError:
            unreadable.append(endpoint.url)
            continue
        done += WebhookEndpoint.objects.filter(pk=endpoint.pk, sealed=endpoint.sealed).update(sealed=tokens)
    return done, unreadable


def explain_fields(provider: type[Provider]) -> dict[str, str]:
    """Return the labels, by name, of the secrets of an account at this provider."""
    own = {field.name: gettext(field.label) for field in provider.fields if field.secret}
    return {KEY: gettext("API key"), **own} if provider.needs_credential else own
