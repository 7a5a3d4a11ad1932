"""Webhooks that are forged, foreign or many change nothing and cost little."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from product_imagery.models import (
    ProviderCredential,
    ProviderJob,
    ResultImage,
)
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes
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
