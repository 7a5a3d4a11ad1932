"""A site that makes each request a transaction (``ATOMIC_REQUESTS``) keeps what providers told it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.test import Client
from django.urls import resolve, reverse

from product_imagery.flows import inbound
from product_imagery.models import ProviderCredential, WebhookDelivery
from tests.fakes.hosted import WHSEC

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(autouse=True)
def _requests_are_transactions(settings: Any) -> Iterator[None]:
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    yield
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False


def _call(credential: ProviderCredential) -> int:
    body = b'{"event":"generation.completed","id":"gen_x","status":"completed"}'
    signed = {"X-Paqshot-Signature": hmac.new(WHSEC.encode(), body, hashlib.sha256).hexdigest()}
    client = Client(raise_request_exception=False)
    address = reverse("product_imagery:webhook", args=[credential.webhook_uuid])
    return client.post(address, body, content_type="application/json", headers=signed).status_code


def test_a_call_is_kept_although_acting_on_it_fails(
    paqshot: ProviderCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the worker's machine is on fire")

    monkeypatch.setattr(inbound, "process", fail)
    assert _call(paqshot) == 200
    assert WebhookDelivery.objects.get().outcome.startswith("RuntimeError")


def test_a_call_is_kept_although_the_process_dies_while_it_acts_on_it(
    paqshot: ProviderCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise SystemExit(1)  # as a web server ends a request that takes too long

    monkeypatch.setattr(inbound, "process", die)
    with pytest.raises(SystemExit):
        _call(paqshot)
    assert WebhookDelivery.objects.filter(processed_at=None, received_at__lte=Now()).count() == 1


@pytest.mark.parametrize(
    "address", ["/imagery/webhooks/7d5ad1ae-8f6c-4ac0-9f70-0d4b0ea06d1c/", "/imagery/api/v1/quote"]
)
def test_what_is_written_before_an_error_is_written(address: str) -> None:
    found: Any = resolve(address).func
    assert "default" in found._non_atomic_requests
    assert not transaction.get_connection().in_atomic_block
