"""Reports of errors list the variables of every step: the key is in none of them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.views.debug import ExceptionReporter

from product_imagery.flows.hosted import credentials
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    ProviderCredential,
)
from product_imagery.net.connections import Connections
from tests.fakes.hosted import Account, Order

pytestmark = pytest.mark.django_db


class TestKeysInReports:
    """Reports of errors list the variables of every step: the key is in none of them."""

    _CANARY = "a_canary_key_that_was_sent_0001"

    @pytest.fixture
    def broken(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> ProviderCredential:
        """An account at which sending fails in a way that nobody foresaw."""

        def stream(self: Connections, request: Any, *, fresh: bool = False) -> Any:
            sent = {name.decode(): value.decode() for name, value in request.headers}
            assert TestKeysInReports._CANARY in str(sent)  # it is really under way
            raise RuntimeError("nobody foresaw this")

        monkeypatch.setattr(Connections, "stream", stream)
        return account("paqshot", key=self._CANARY)

    def test_a_worker_s_log(self, broken: ProviderCredential, order: Order, caplog: pytest.LogCaptureFixture) -> None:
        order(broken)
        run_slice(seconds=0.3)
        assert "nobody foresaw" in caplog.text
        assert self._CANARY not in caplog.text
        assert not any(record.exc_info for record in caplog.records)

    def test_an_error_page_and_an_error_mail(self, broken: ProviderCredential) -> None:
        try:
            credentials.check(broken)
        except RuntimeError:
            kind, error, frames = sys.exc_info()
            report = ExceptionReporter(None, kind, error, frames.tb_next if frames else None)
        steps = [step for step in report.get_traceback_frames() if "product_imagery" in step["filename"]]
        assert len(steps) > 4
        shown = [value for step in steps if "test_" not in step["filename"] for value in step["vars"]]
        assert not [value for value in shown if self._CANARY in repr(value)]
