"""Calls of providers: genuine ones bring a look forward, all others change nothing."""

from __future__ import annotations

import codecs
import gzip
import itertools
import json
import os
import random
import time
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from product_imagery.flows.enhancements import reconcile
from product_imagery.flows.inbound import process_forgotten
from product_imagery.flows.worker.loop import run_slice
from product_imagery.flows.worker.maintenance import clear_up
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    WebhookDelivery,
)
from product_imagery.states import ItemStatus, JobState, Review
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes
from tests.fakes.webhooks import aigen_headers, deliver, paqshot_headers, url_of

pytestmark = pytest.mark.django_db


def test_documented_signatures_are_understood() -> None:
    headers = aigen_headers(
        b'{"hello":"world"}',
        key="aigen_test_example_key_0001",
        at=1781532000,
        event="evt_00000000-0000-4000-8000-000000000001",
    )
    assert headers["HTTP_X_AIGEN_SIGNATURE"] == "v1=924805bed0ff8f1696c8572c3cb75196672a5991dcc8cac661da411fffe909a3"
    body = b'{"event":"generation.completed","id":"gen_x","status":"completed"}'
    assert paqshot_headers(body)["HTTP_X_PAQSHOT_SIGNATURE"].startswith("c686f02a1bb9e76869d697a7ea9809e7")


def test_a_genuine_call_brings_the_look_forward(
    paqshot: ProviderCredential, order: Order, fakes: Fakes, client: Client
) -> None:
    order(paqshot)
    hurry(1)
    before = ProviderJob.objects.get().due_at
    body = json.dumps({"event": "generation.completed", "id": fakes.created[0].id, "status": "completed"}).encode()
    assert deliver(client, url_of(paqshot), body, paqshot_headers(body)) == 200
    assert ProviderJob.objects.get().due_at < before
    delivery = WebhookDelivery.objects.get()
    assert (bytes(delivery.body), delivery.outcome) == (body, "1 jobs looked at")


def test_a_call_to_the_jobs_own_address_finds_a_lost_answer(
    paqshot: ProviderCredential, order: Order, fakes: Fakes, client: Client
) -> None:
    order(paqshot)
    fakes.fail("paqshot.create", "lose")
    hurry(1)
    job = ProviderJob.objects.get()
    assert job.state == JobState.CHECKING
    body = json.dumps({"id": fakes.created[0].id, "status": "completed"}).encode()
    assert deliver(client, url_of(paqshot, str(job.uuid)), body, paqshot_headers(body)) == 200
    hurry()
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
    assert fakes.charged("paqshot") == 1


def test_what_a_person_gave_up_and_was_made_after_all_is_fetched_for_nothing(
    paqshot: ProviderCredential, order: Order, fakes: Fakes, client: Client, person: Any
) -> None:
    enhancement = order(paqshot)
    fakes.fail("paqshot.create", "lose")
    hurry()
    job = ProviderJob.objects.get(state=JobState.STALLED)
    reconcile.give_up(job, None)
    home, merchant = reverse("admin:product_imagery_home"), person("*")
    assert "only has to be fetched" not in merchant.get(home).content.decode()
    body = json.dumps({"id": fakes.created[0].id, "status": "completed"}).encode()
    assert deliver(client, url_of(paqshot, str(job.uuid)), body, paqshot_headers(body)) == 200
    assert "1 picture is made and paid for, and only has to be fetched" in merchant.get(home).content.decode()
    run = reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])
    assert "the provider has made it after all" in merchant.get(run).content.decode()
    merchant.post(run, {"retry_reason": "given_up"})
    hurry()
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
    assert fakes.charged("paqshot") == 1


def test_repetitions_are_written_once(account: Account, client: Client) -> None:
    credential = account("aigenstudio")
    body = b"{}"
    assert [deliver(client, url_of(credential), body, aigen_headers(body)) for _ in range(3)] == [200] * 3
    assert WebhookDelivery.objects.count() == 1


def test_after_a_change_of_keys_calls_signed_with_the_old_one_still_count(account: Account, client: Client) -> None:
    credential = account("aigenstudio")
    credential.set_secret("aigen_live_new_key_0002")
    credential.save()
    for number, key in enumerate((KEYS["aigenstudio"], "aigen_live_new_key_0002")):
        assert deliver(client, url_of(credential), b"{}", aigen_headers(b"{}", key=key, event=f"evt_{number}")) == 200
    credential.set_secret("aigen_live_new_key_0003")
    credential.save()
    assert deliver(client, url_of(credential), b"{}", aigen_headers(b"{}", event="evt_9")) == 401


@pytest.mark.parametrize("seconds", [-301, 301])
def test_old_and_future_calls_are_refused(account: Account, client: Client, seconds: int) -> None:
    assert deliver(client, url_of(account("aigenstudio")), b"{}", aigen_headers(b"{}", at=time.time() + seconds)) == 401


def test_fuzzed_calls_are_neither_accepted_nor_an_error(
    account: Account, paqshot: ProviderCredential, client: Client
) -> None:
    """A thousand, or as many as the environment variable ``FUZZED_CALLS`` says."""
    chance = random.Random(5)
    aigen = account("aigenstudio")
    body = json.dumps({"id": "gen_x", "status": "completed"}).encode()
    for _ in range(int(os.environ.get("FUZZED_CALLS", "1000")) // 2):
        for credential, headers in ((aigen, aigen_headers(body)), (paqshot, paqshot_headers(body))):
            sent, name = bytearray(body), chance.choice(list(headers))
            match chance.randrange(4):
                case 0:
                    sent[chance.randrange(len(sent))] ^= 1 << chance.randrange(8)
                case 1:
                    headers[name] = headers[name][: chance.randrange(len(headers[name]))]
                case 2:
                    headers[name] = bytes(chance.randrange(33, 127) for _ in range(chance.randrange(200))).decode()
                case 3:
                    del headers[name]
            assert deliver(client, url_of(credential), bytes(sent), headers) == 401
    assert not WebhookDelivery.objects.exists()


def test_other_views_still_ask_for_a_login(account: Account, client: Client) -> None:
    credential = account("aigenstudio")
    assert client.get(url_of(credential)).status_code == 405
    assert deliver(client, "/imagery/webhooks/00000000-0000-4000-8000-000000000000/", b"{}", {}) == 404
    assert deliver(client, url_of(credential), b"x" * 300_000, {}) == 413
    ProviderCredential.objects.update(is_active=False)
    assert deliver(client, url_of(credential), b"{}", aigen_headers(b"{}")) == 404


_SIGNED = '{"id": "gen_ü", "status": "completed"}'


@pytest.mark.parametrize(
    "sent",
    [
        gzip.compress(_SIGNED.encode()),
        codecs.BOM_UTF8 + _SIGNED.encode(),
        _SIGNED.encode("utf-16"),
        _SIGNED.encode("latin-1"),
        json.dumps(json.loads(_SIGNED)).encode(),
        json.dumps(json.loads(_SIGNED), separators=(",", ":"), ensure_ascii=False).encode(),
        _SIGNED.encode() + b"\n",
    ],
    ids=["gzip", "byte order mark", "utf-16", "latin-1", "escaped", "without spaces", "line end"],
)
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_bytes_that_were_signed_are_the_only_ones_believed(
    sent: bytes, encoding: str, account: Account, paqshot: ProviderCredential, client: Client
) -> None:
    """D2: the same text in another dress is another body, whatever its headers say."""
    dress = {"HTTP_CONTENT_ENCODING": encoding} if encoding else {}
    body = _SIGNED.encode()
    for credential, headers in ((account("aigenstudio"), aigen_headers(body)), (paqshot, paqshot_headers(body))):
        assert deliver(client, url_of(credential), sent, headers | dress) == 401
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00", gzip.compress(b"{}", mtime=0), b"[]", b"null", b'"x"', b"{" * 5000, b""]
)
def test_what_is_signed_and_cannot_be_read_is_a_hint_about_all(
    body: bytes, account: Account, paqshot: ProviderCredential, client: Client
) -> None:
    """D2: it comes from the provider, whatever it means."""
    for credential, headers in ((account("aigenstudio"), aigen_headers(body)), (paqshot, paqshot_headers(body))):
        assert deliver(client, url_of(credential), body, headers) == 200
    assert {delivery.outcome for delivery in WebhookDelivery.objects.all()} == {"all: 0 jobs looked at"}


def test_a_secret_opens_no_other_account(account: Account, paqshot: ProviderCredential, client: Client) -> None:
    """D3."""
    other = account("paqshot", label="another shop")
    other.set_secret("whsec_of_another_shop", "webhook_secret")
    other.save()
    assert deliver(client, url_of(other), b"{}", paqshot_headers(b"{}")) == 401
    assert deliver(client, url_of(paqshot), b"{}", paqshot_headers(b"{}", "whsec_of_another_shop")) == 401
    assert deliver(client, url_of(other), b"{}", paqshot_headers(b"{}", "whsec_of_another_shop")) == 200


def test_an_unsigned_call_is_only_a_hint(account: Account, order: Order, fakes: Fakes, client: Client) -> None:
    credential = account("productai")
    order(credential)
    hurry(1)
    lie = {"status": "success", "image_url": "http://127.0.0.1:1/evil.png", "job_id": fakes.created[0].id}
    fakes.statuses[fakes.created[0].id] = "RUNNING"
    assert deliver(client, url_of(credential), json.dumps(lie).encode(), {}) == 200
    hurry(1)
    assert ProviderJob.objects.get().state == JobState.RUNNING
    assert deliver(client, url_of(credential), b'{"status": "error"}', {}) == 200
    assert "1 jobs looked at" in {delivery.outcome for delivery in WebhookDelivery.objects.all()}


def test_in_whatever_order_events_come_the_end_is_the_same(
    paqshot: ProviderCredential, order: Order, fakes: Fakes, client: Client
) -> None:
    for events in itertools.permutations(("processing", "completed", "completed", "failed")):
        enhancement = order(paqshot)
        hurry(1)
        job = ProviderJob.objects.get(enhancement=enhancement)
        for status in events:
            body = json.dumps({"id": job.remote_id, "status": status}).encode()
            assert deliver(client, url_of(paqshot, str(job.uuid)), body, paqshot_headers(body)) == 200
        hurry()
        job.refresh_from_db()
        assert job.state == JobState.DONE
        assert job.results.count() == 1


@pytest.mark.parametrize("provider", ["aigenstudio", "productai", "paqshot"])
def test_pictures_come_by_webhook_alone(
    provider: str, account: Account, paqshot: ProviderCredential, order: Order, fakes: Fakes, client: Client
) -> None:
    credential = paqshot if provider == "paqshot" else account(provider)
    order(credential)
    run_slice(seconds=0.5)
    ProviderJob.objects.update(due_at=timezone.now() + timedelta(days=1))
    created = fakes.created[0]
    body = json.dumps({"id": created.key or created.id, "job_id": created.id, "status": "success"}).encode()
    signed = {"aigenstudio": aigen_headers(body), "paqshot": paqshot_headers(body), "productai": {}}
    assert deliver(client, url_of(credential), body, signed[provider]) == 200
    run_slice(seconds=0.5)
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
    assert fakes.charged(provider) == 1
    assert [kind for _, _, kind in fakes.calls].count(f"{provider}.read") == 1


def test_the_secret_before_is_believed_for_a_week(
    paqshot: ProviderCredential, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    paqshot.set_secret("whsec_newer", "webhook_secret")
    paqshot.save()
    body = b'{"id": "gen_1", "status": "completed"}'
    assert deliver(client, url_of(paqshot), body, paqshot_headers(body)) == 200
    assert deliver(client, url_of(paqshot), body, paqshot_headers(body, "whsec_newer")) == 200
    later = time.time() + 8 * 86_400
    monkeypatch.setattr("product_imagery.models.credential_secrets.time.time", lambda: later)
    assert deliver(client, url_of(paqshot), body, paqshot_headers(body)) == 401
    assert deliver(client, url_of(paqshot), body, paqshot_headers(body, "whsec_newer")) == 200


def test_a_call_whose_worker_died_is_acted_on_later(
    paqshot: ProviderCredential, order: Order, fakes: Fakes, client: Client, account: Account
) -> None:
    order(paqshot)
    hurry(1)
    body = json.dumps({"id": fakes.created[0].id, "status": "completed"}).encode()
    forgotten = WebhookDelivery.objects.create(credential=paqshot, body=body)
    assert process_forgotten() == 0
    WebhookDelivery.objects.update(received_at=timezone.now() - timedelta(minutes=2))
    before = ProviderJob.objects.get().due_at
    assert process_forgotten() == 1
    assert ProviderJob.objects.get().due_at < before
    assert process_forgotten() == 0
    forgotten.refresh_from_db()
    assert forgotten.outcome == "1 jobs looked at"


def test_a_repetition_of_a_call_that_was_not_acted_on_is(account: Account, client: Client) -> None:
    credential = account("aigenstudio")
    WebhookDelivery.objects.create(credential=credential, event_id="evt_1", body=b"{}")
    assert deliver(client, url_of(credential), b"{}", aigen_headers(b"{}")) == 200
    assert WebhookDelivery.objects.get().processed_at


def test_calls_from_the_shell(paqshot: ProviderCredential) -> None:
    call = WebhookDelivery.objects.create(credential=paqshot, body=b"{}")
    target = StringIO()
    call_command("imagery_webhooks", stdout=target)
    call_command("imagery_webhooks", str(call.pk), stdout=target)
    assert f"{call.pk}: all: 0 jobs looked at" in target.getvalue()
    with pytest.raises(CommandError, match="There is no webhook 999"):
        call_command("imagery_webhooks", "999")


def test_calls_are_kept_for_ninety_days(paqshot: ProviderCredential) -> None:
    for days in (1, 89, 91):
        made = WebhookDelivery.objects.create(credential=paqshot, body=b"{}")
        WebhookDelivery.objects.filter(pk=made.pk).update(received_at=timezone.now() - timedelta(days=days))
    clear_up()
    assert WebhookDelivery.objects.count() == 2


class TestLostCreates:
    """ProductAI.photo lists no jobs, but its webhooks name them."""

    def _hear(self, client: Client, credential: ProviderCredential, job: str) -> None:
        body = json.dumps({"status": "success", "image_url": "https://files.example/x.png", "job_id": job}).encode()
        assert deliver(client, url_of(credential), body, {}) == 200

    @pytest.fixture
    def newest(self, stalled: ProviderJob) -> ProviderJob:
        """A job of the account that was accepted before the lost one was sent."""
        earlier = {"remote_id": "41000", "accepted_at": stalled.intent_at - timedelta(hours=1)}
        return ProviderJob.objects.create(
            enhancement=stalled.enhancement,
            credential=stalled.credential,
            provider=stalled.provider,
            operation=stalled.operation,
            options=stalled.options,
            state=JobState.DONE,
            finished_at=stalled.intent_at,
            **earlier,
        )

    def test_the_only_lost_one_is_found_by_its_prompt(
        self, stalled: ProviderJob, newest: ProviderJob, fakes: Fakes, client: Client
    ) -> None:
        self._hear(client, stalled.credential, fakes.created[0].id)
        hurry()
        stalled.refresh_from_db()
        assert (stalled.state, stalled.remote_id) == (JobState.DONE, fakes.created[0].id)
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
        assert fakes.charged("productai") == 1
        assert ResultImage.objects.get().warnings == ["found_again"]

    def test_what_was_found_so_is_approved_by_a_person_only(
        self, stalled: ProviderJob, newest: ProviderJob, fakes: Fakes, client: Client
    ) -> None:
        Enhancement.objects.update(auto_approve=True)
        self._hear(client, stalled.credential, fakes.created[0].id)
        hurry()
        assert ResultImage.objects.get().review == Review.PENDING

    @pytest.mark.parametrize("known", [True, False])
    def test_an_older_job_of_somebody_else_is_not_taken_for_it(
        self, known: bool, stalled: ProviderJob, newest: ProviderJob, fakes: Fakes, client: Client
    ) -> None:
        """K9: staging and live on one account, with the same prompt; nothing but its age tells it apart."""
        foreign = replace(fakes.created[0], id="40999")
        fakes.created.append(foreign)
        if not known:  # nothing to compare with
            newest.delete()
        self._hear(client, stalled.credential, foreign.id)
        hurry()
        stalled.refresh_from_db()
        assert (stalled.state, stalled.remote_id) == (JobState.STALLED, "")

    def test_after_a_decision_nobody_can_tell_any_more(
        self, stalled: ProviderJob, newest: ProviderJob, order: Order, fakes: Fakes, client: Client
    ) -> None:
        reconcile.give_up(stalled, None)
        order(stalled.credential)
        fakes.fail("productai.create", "lose")
        hurry()
        second = ProviderJob.objects.get(state=JobState.STALLED)
        self._hear(client, stalled.credential, fakes.created[0].id)  # it is about the first one
        hurry()
        second.refresh_from_db()
        assert (second.state, second.remote_id) == (JobState.STALLED, "")

    def test_one_with_another_prompt_is_not(
        self, stalled: ProviderJob, newest: ProviderJob, fakes: Fakes, client: Client
    ) -> None:
        fakes.created[0].body["prompt"] = "Somebody else's, of the same account."
        self._hear(client, stalled.credential, fakes.created[0].id)
        hurry()
        stalled.refresh_from_db()
        item = EnhancementItem.objects.get()
        assert (stalled.state, item.status, stalled.remote_id) == (JobState.STALLED, ItemStatus.STALLED, "")
        assert fakes.created[0].id in item.error_message

    def test_of_two_lost_ones_a_person_tells(
        self, stalled: ProviderJob, order: Order, fakes: Fakes, client: Client
    ) -> None:
        order(stalled.credential)
        fakes.fail("productai.create", "lose")
        hurry()
        self._hear(client, stalled.credential, fakes.created[0].id)
        hurry()
        assert set(ProviderJob.objects.values_list("state", "remote_id")) == {(JobState.STALLED, "")}

    def test_a_call_that_comes_before_the_answer_waits_for_it(
        self, account: Account, order: Order, fakes: Fakes, client: Client
    ) -> None:
        """The job is being sent: should its answer be lost, the call tells its id a minute later."""
        credential = account("productai")
        order(credential)
        ProviderJob.objects.acquire_calls(list(ProviderJob.objects.due_calls()), 60)
        self._hear(client, credential, "41001")
        assert WebhookDelivery.objects.get().processed_at is None
        ProviderJob.objects.update(
            state=JobState.CHECKING, intent_at=timezone.now(), lease_token=None, leased_until=None
        )
        WebhookDelivery.objects.update(received_at=timezone.now() - timedelta(minutes=2))
        process_forgotten()
        assert ProviderJob.objects.get().remembered["hinted"] == "41001"


def test_work_that_a_person_was_asked_about_still_comes_to_its_end(
    paqshot: ProviderCredential, order: Order, fakes: Fakes, client: Client
) -> None:
    """A12: far over its time, and then done after all."""
    order(paqshot)
    hurry(1)
    one = fakes.created[0].id
    fakes.statuses[one] = "processing"
    ProviderJob.objects.update(accepted_at=timezone.now() - timedelta(days=2))
    hurry(2)
    assert EnhancementItem.objects.get().status == ItemStatus.STALLED
    del fakes.statuses[one]
    body = json.dumps({"event": "generation.completed", "id": one, "status": "completed"}).encode()
    assert deliver(client, url_of(paqshot), body, paqshot_headers(body)) == 200
    hurry(1)
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


def test_a_flood_of_calls_that_name_no_job_leads_to_one_look(
    account: Account, order: Order, fakes: Fakes, client: Client
) -> None:
    """D9: ProductAI.photo signs nothing, and tells of an error without saying of which job."""
    fakes.work_seconds = 3600
    credential = account("productai")
    order(credential)
    hurry(1)
    before = len(fakes.calls)
    for _ in range(20):
        assert deliver(client, url_of(credential), b'{"status": "error"}', {}) == 200
        run_slice(seconds=0.05)
    assert len(fakes.calls) == before + 1


def test_a_refused_call_is_logged_with_its_reason_and_without_its_address(
    paqshot: ProviderCredential, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """D10: whoever reads the log must not be able to call."""
    assert deliver(client, url_of(paqshot), b"{}", {"HTTP_X_PAQSHOT_SIGNATURE": "0"}) == 401
    assert deliver(client, url_of(paqshot), b"x" * 300_000, {}) == 413
    assert "“paqshot” was refused: The signature does not fit" in caplog.text
    (record,) = [record for record in caplog.records if record.name == "product_imagery"]
    assert (vars(record)["credential"], vars(record)["provider"]) == (paqshot.pk, "paqshot")
    assert str(paqshot.webhook_uuid) not in caplog.text


def test_only_headers_that_the_provider_names_are_kept(paqshot: ProviderCredential, client: Client) -> None:
    """H12."""
    body = b'{"id": "gen_1"}'
    strange = {"HTTP_X_AUTH_TOKEN": "secret", "HTTP_COOKIE": "secret", "HTTP_AUTHORIZATION": "secret"}
    assert deliver(client, url_of(paqshot), body, paqshot_headers(body) | strange) == 200
    kept = WebhookDelivery.objects.get().headers
    assert set(kept) <= {"content-type", "user-agent", "x-paqshot-signature"}
    assert "secret" not in json.dumps(kept)


def test_a_database_that_is_away_is_no_answer(
    paqshot: ProviderCredential, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D15: the provider is asked to call again, also when the account cannot even be looked up."""

    def away(*_: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(type(ProviderCredential.objects.all()), "for_webhook", away)
    monkeypatch.setattr(type(ProviderCredential.objects), "for_webhook", away)
    assert deliver(client, url_of(paqshot), b"{}", paqshot_headers(b"{}")) == 503
