"""One bad row, chore, account or receiver stops nothing else, and is shown with its reason."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.flows import inbound, local_jobs
from product_imagery.flows.enhancements import cancel, retry
from product_imagery.flows.events import sender
from product_imagery.flows.results.record import record_results
from product_imagery.flows.worker import maintenance
from product_imagery.flows.worker.loop import Slice, run_slice
from product_imagery.models import (
    Enhancement,
    EventDelivery,
    ProviderCredential,
    ProviderJob,
    WebhookDelivery,
    WebhookEndpoint,
    WorkerLease,
    WorkerTrouble,
)
from product_imagery.states import JobState
from tests.fakes.hosted import WHSEC, Account, Order, hurry
from tests.fakes.statements import failing

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Slice]

pytestmark = pytest.mark.django_db


def _call(credential: ProviderCredential, body: bytes) -> int:
    signed = {"X-Paqshot-Signature": hmac.new(WHSEC.encode(), body, hashlib.sha256).hexdigest()}
    address = f"/imagery/webhooks/{credential.webhook_uuid}/"
    client = Client(raise_request_exception=False)
    return client.post(address, body, content_type="application/json", headers=signed).status_code


def _make_old() -> None:
    WebhookDelivery.objects.update(received_at=Now() - timedelta(seconds=120))


@pytest.fixture
def orphan(db: None) -> WebhookDelivery:
    """A call, not acted on, for an account whose provider's folder was removed."""
    gone = ProviderCredential.objects.create(provider="acme", label="Gone")
    made = WebhookDelivery.objects.create(credential=gone, body=b"{}")
    _make_old()
    return made


@pytest.mark.parametrize("body", [b'{"id": "\\ud800", "status": "completed"}', b'{"id": "a\\u0000b"}'])
def test_a_call_with_an_unstorable_id_stops_nothing(
    paqshot: ProviderCredential, make_product: Make, enlarge: Enlarge, work: Work, body: bytes
) -> None:
    assert _call(paqshot, body) == 200
    assert WebhookDelivery.objects.get().processed_at
    WebhookDelivery.objects.update(processed_at=None)
    _make_old()
    enlarge(make_product())
    work()
    assert ProviderJob.objects.get().state == JobState.DONE
    assert WebhookDelivery.objects.get().processed_at


def test_a_call_that_cannot_be_acted_on_is_answered_and_kept(
    paqshot: ProviderCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("product_imagery.providers.paqshot.provider.Paqshot.hints", _raise)
    assert _call(paqshot, b'{"id": "gen_1"}') == 200
    kept = WebhookDelivery.objects.get()
    assert (kept.processed_at, kept.failures, kept.outcome) == (None, 1, "KeyError: 'of the shop'")


def _raise(*_: Any, **__: Any) -> Any:
    raise KeyError("of the shop")


def test_an_account_of_a_removed_provider_stops_nothing(
    orphan: WebhookDelivery, make_product: Make, enlarge: Enlarge, work: Work
) -> None:
    enlarge(make_product())
    work()
    assert ProviderJob.objects.get().state == JobState.DONE


def test_a_call_that_fails_several_times_is_set_aside_and_can_be_processed_again(
    orphan: WebhookDelivery, person: Callable[..., Client], paqshot: ProviderCredential
) -> None:
    for _ in range(5):
        inbound.process_forgotten()
    orphan.refresh_from_db()
    assert orphan.set_aside_at
    assert "acme" in orphan.outcome
    assert inbound.process_forgotten() == 0
    listed = StringIO()
    call_command("imagery_webhooks", "--set-aside", stdout=listed)
    assert "acme" in listed.getvalue()
    with pytest.raises(CommandError, match="1 of 1 webhooks could not be processed"):
        call_command("imagery_webhooks", str(orphan.pk), stdout=StringIO())
    orphan.credential = paqshot
    orphan.save()
    client = person("*")
    page = reverse("admin:product_imagery_webhookdelivery_changelist")
    assert "acme" in client.get(page + "?set_aside_at__isempty=0").content.decode()
    shown = client.post(page, {"action": "reprocess", "_selected_action": [orphan.pk]}, follow=True)
    assert "1 call was acted on" in shown.content.decode()
    orphan.refresh_from_db()
    assert orphan.processed_at
    assert not orphan.set_aside_at


@pytest.mark.parametrize(
    "chore",
    [
        (maintenance, "release_abandoned"),
        (maintenance, "settle_forgotten"),
        (maintenance, "clear_up"),
        (cancel, "cancel_returned"),
        (inbound, "process_forgotten"),
    ],
    ids=lambda chore: chore[1],
)
def test_a_chore_that_raises_stops_nothing_and_is_shown(
    chore: tuple[Any, str], make_product: Make, enlarge: Enlarge, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(*chore, _raise)
        enlarge(make_product())
        work()
    assert ProviderJob.objects.get().state == JobState.DONE
    trouble = WorkerTrouble.objects.get()
    assert trouble.reason == "KeyError: 'of the shop'"
    WorkerLease.objects.update(cleared_at=None)
    work()
    assert not WorkerTrouble.objects.exists()  # it has succeeded since


def test_files_that_cannot_be_removed_do_not_keep_the_rest_from_being_cleared_up(
    make_product: Make, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = Path(settings.MEDIA_ROOT, ".product_imagery-tmp")
    scratch.mkdir(parents=True)
    for name in ("another user's", "ours"):
        (scratch / name).write_bytes(b"half")
        os.utime(scratch / name, (1, 1))
    real = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "another user's":
            raise PermissionError(13, "Permission denied")
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    maintenance.clear_up()
    assert [path.name for path in scratch.iterdir()] == ["another user's"]
    assert "cannot be removed" in WorkerTrouble.objects.get().reason


def test_an_account_with_unreadable_limits_is_paused_and_the_others_go_on(account: Account, order: Order) -> None:
    bad, good = account("paqshot", label="bad"), account("paqshot", label="good")
    ProviderCredential.objects.filter(pk=bad.pk).update(own_limits={"requests": "60/60"})
    order(bad)
    order(good)
    hurry(3)
    assert good.jobs.get().state == JobState.DONE
    maintenance.clear_up()
    run_slice(seconds=1)
    bad.refresh_from_db()
    assert "limits of its own" in bad.paused_reason
    assert bad.jobs.get().state == JobState.QUEUED


def test_what_came_of_a_job_is_written_down_after_a_deadlock(
    make_product: Make, enlarge: Enlarge, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = record_results, []

    def second_time(*arguments: Any) -> None:
        tries.append(arguments)
        if len(tries) == 1:
            raise OperationalError("deadlock detected")
        real(*arguments)

    monkeypatch.setattr(local_jobs, "record_results", second_time)
    enlarge(make_product())
    work()
    assert ProviderJob.objects.get().state == JobState.DONE


def test_a_job_that_cannot_be_written_down_fails_alone(
    make_product: Make, enlarge: Enlarge, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_bad(done: list[Any]) -> None:
        if any(job.pk == bad.pk and pictures for job, _, pictures in done):
            raise ValueError("A string literal cannot contain NUL (0x00) characters.")
        record_results(done)

    monkeypatch.setattr(local_jobs, "record_results", one_bad)
    first, second = enlarge(make_product()), enlarge(make_product())
    bad = first.jobs.get()
    work()
    assert (first.jobs.get().state, second.jobs.get().state) == (JobState.FAILED, JobState.DONE)
    item = first.items.get()
    assert "could not be written down" in item.error_message
    assert retry.retry(first) == 1


def test_a_delivery_that_cannot_be_dealt_with_is_given_up_with_its_reason(
    person: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    person("*")
    endpoint = WebhookEndpoint.objects.create(
        owner=get_user_model().objects.get(), url="https://example.com/", state="active"
    )
    for pk, kind in ((7001, "one"), (7002, "two")):
        EventDelivery.objects.create(pk=pk, endpoint=endpoint, kind=kind, body="{}")
    monkeypatch.setattr(sender, "perform", lambda delivery: sender.Attempt(delivery, None))
    with failing(ValueError("not to be written down"), '"attempts" = ', having=7001) as stopped:
        work()
    assert len(stopped) == 1
    one, two = EventDelivery.objects.order_by("pk")
    assert (one.state, one.note) == ("failed", "ValueError: not to be written down")
    assert (two.state, two.attempts) == ("waiting", 1)
