"""Log records carry the ids of the rows that they are about, as ``docs/logging.md`` says."""

from __future__ import annotations

from typing import Any

import pytest

from product_imagery.flows import inbound
from product_imagery.flows.hosted import inputs
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import ProviderJob, WebhookDelivery
from tests.fakes.hosted import Account, Order

pytestmark = pytest.mark.django_db


def _break(*_: Any) -> None:
    raise RuntimeError("unforeseen")


def test_a_call_that_fails_is_logged_with_the_ids_of_its_job(
    account: Account, order: Order, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inputs, "read_source", _break)
    credential = account("productai")
    enhancement = order(credential)
    run_slice(seconds=0.3)
    job = ProviderJob.objects.get()
    record = next(vars(record) for record in caplog.records if record.message.startswith(f"Job {job.pk} failed"))
    ids = {"job": job.pk, "enhancement": enhancement.pk, "provider": "productai", "credential": credential.pk}
    assert ids.items() <= record.items()


def test_a_delivery_that_fails_is_logged_with_its_ids(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inbound, "process", _break)
    credential = account("paqshot")
    delivery = WebhookDelivery.objects.create(credential=credential, event_id="evt_1", headers={}, body=b"{}")
    assert inbound.try_to_process(delivery) == "RuntimeError: unforeseen"
    (record,) = [vars(record) for record in caplog.records if record.name == "product_imagery"]
    ids = {"delivery": delivery.pk, "provider": "paqshot", "credential": credential.pk}
    assert ids.items() <= record.items()
