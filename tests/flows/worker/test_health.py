"""Health: overdue work and wrong clocks, as the doctor reports them."""

from __future__ import annotations

import time
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from product_imagery.flows.worker import health
from product_imagery.models import (
    ProviderCredential,
)
from tests.fakes.hosted import Account, Order, hurry

pytestmark = pytest.mark.django_db


class TestClocks:
    """K5: a wrong clock makes signatures fail; the doctor says so before anybody wonders."""

    def test_the_doctor_compares_with_the_providers(
        self, account: Account, order: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        credential = account("productai")
        order(credential)
        hurry(1)
        assert health.wrong_clocks() == []
        slow = SimpleNamespace(time=lambda: time.time() - 600)
        monkeypatch.setattr("product_imagery.provider_kit.headers.time", slow)
        hurry()
        assert health.wrong_clocks() == [credential]
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("imagery_doctor", stdout=out)
        assert "s from ours" in out.getvalue()

    def test_it_is_written_once(self, account: Account, order: Order) -> None:
        order(account("productai"), 6)
        ProviderCredential.objects.update(clock_skew=900)
        with CaptureQueriesContext(connection) as asked:
            hurry()
        assert sum('SET "clock_skew"' in query["sql"] for query in asked) == 1
        assert abs(ProviderCredential.objects.get().clock_skew) < 30
