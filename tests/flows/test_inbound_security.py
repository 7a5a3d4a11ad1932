"""Webhooks that are forged, foreign or many change nothing and cost little."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from product_imagery.models import (
    ProviderCredential,
    ProviderJob,
    ResultImage,
    WebhookDelivery,
)
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes
from tests.fakes.webhooks import aigen_headers, deliver, paqshot_headers, url_of

pytestmark = pytest.mark.django_db


def test_a_call_about_somebody_elses_job_changes_nothing(
    paqshot: ProviderCredential,
    order: Order,
    fakes: Fakes,
    client: Client,
) -> None:
    """K9: staging and live share an account."""
    order(paqshot)
    hurry(1)
    before = ProviderJob.objects.values().get()
    body = b'{"event": "generation.completed", "id": "gen_of_another_site", "status": "completed"}'
    assert deliver(client, url_of(paqshot), body, paqshot_headers(body)) == 200
    assert ProviderJob.objects.values().get() == before
    hurry()
    assert (fakes.charged("paqshot"), ResultImage.objects.count()) == (1, 1)


def test_signatures_are_compared_in_constant_time(
    paqshot: ProviderCredential,
    account: Account,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """D20: by the one function that does, on texts of the same length."""
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def spy(one: Any, other: Any) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    credential = account("aigenstudio")
    assert deliver(client, url_of(paqshot), b"{}", paqshot_headers(b"{}", "whsec_wrong")) == 401
    assert deliver(client, url_of(credential), b"{}", aigen_headers(b"{}", key="aigen_test_wrong_key_01")) == 401
    assert {(64, 64)} <= set(compared)


def test_a_storm_of_calls_costs_the_same_for_each(
    paqshot: ProviderCredential,
    order: Order,
    client: Client,
) -> None:
    """D21: however much is under way, a call is one insert and a look brought forward."""
    counts = []
    for number in range(2):
        order(paqshot, 1 + 15 * number)
        hurry(1)
        body = json.dumps({"id": f"gen_{number}", "status": "completed"}).encode()
        with CaptureQueriesContext(connection) as asked:
            assert deliver(client, url_of(paqshot), body, paqshot_headers(body)) == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 14


def test_the_parts_of_a_signed_call_cannot_be_shifted(account: Account, client: Client) -> None:
    """D5: the same bytes under the signature, cut at another dot."""
    credential = account("aigenstudio")
    stamp, body = str(int(time.time())), b'{"event":"x"}'
    key = hashlib.sha256(KEYS["aigenstudio"].encode()).hexdigest().encode()
    signature = hmac.new(key, f"{stamp}.evt_1.part.".encode() + body, hashlib.sha256).hexdigest()
    for event, sent in (("evt_1", b"part." + body), ("evt_1.part", body)):
        headers = {
            "HTTP_X_AIGEN_SIGNATURE": f"v1={signature}",
            "HTTP_X_AIGEN_TIMESTAMP": stamp,
            "HTTP_X_AIGEN_EVENT_ID": event,
        }
        status = deliver(client, url_of(credential), sent, headers)
        assert status == (200 if event == "evt_1" else 401)


def test_a_call_is_not_acknowledged_before_it_is_written_down(
    account: Account, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D15: the provider tries again."""
    credential = account("aigenstudio")

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the database is away")

    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(WebhookDelivery.objects, "create", away)
        assert deliver(client, url_of(credential), b"{}", aigen_headers(b"{}")) == 503
    assert deliver(client, url_of(credential), b"{}", aigen_headers(b"{}")) == 200
    assert WebhookDelivery.objects.count() == 1


def test_a_site_in_debug_mode_is_no_more_open(account: Account, client: Client, settings: Any) -> None:
    """D19."""
    settings.DEBUG = True
    credential = account("aigenstudio")
    answer = client.post(
        url_of(credential), b"{}", content_type="application/json", headers={"X-Aigen-Signature": "v1=0"}
    )
    assert answer.status_code == 401
    assert KEYS["aigenstudio"] not in answer.content.decode()
