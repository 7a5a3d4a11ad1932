"""What was paid for is kept: nothing is bought twice, and nothing is thrown away, when things go wrong in odd ways."""

from __future__ import annotations

import hashlib
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from example_project.shop.models import Product
from product_imagery.exceptions import ProviderError, RequestError
from product_imagery.flows.enhancements import reconcile, retry
from product_imagery.flows.enhancements.estimate import estimate_seconds
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import start
from product_imagery.flows.hosted import credentials, mailbox, session
from product_imagery.flows.worker import loop, maintenance
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
    ResultImage,
)
from product_imagery.products import description_of
from product_imagery.states import ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes, Fault

pytestmark = pytest.mark.django_db


def _booked() -> int:
    return int(sum(entry.amount for entry in CreditEntry.objects.all()))


def _cut_out(credential: ProviderCredential, product: Product) -> Enhancement:
    spec = spec_of_operation("remove_background", {"image_folder": "products"}, credential)
    return start({description_of(Product): [product.pk]}, spec, channel="command")


def _shows(fakes: Fakes, times: int, **data: Any) -> None:
    """The next reads at ProductAI show this job."""
    body = json.dumps({"status": "OK", "data": {"id": 41001, **data}}).encode()
    fakes.fail("productai.read", "status", times=times, status=200, body=body)


class TestPictureOfATool:
    """PergAI's tools may answer with the address of the picture, and tell no more of it."""

    @pytest.fixture
    def tool(self, account: Account, make_product: Any, fakes: Fakes) -> Enhancement:
        told = json.dumps({"imageUrl": f"{fakes.base}/files/result.png"}).encode()
        fakes.fail("pergai.create", "after", skip=1, status=200, body=told)
        return _cut_out(account("pergai"), make_product())

    def test_a_worker_that_is_stopped_before_it_notes_the_address_buys_no_second_one(
        self, tool: Enhancement, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remember = session._remember

        def interrupted(job: ProviderJob, facts: dict[str, str]) -> None:
            if "picture_url" in facts:
                raise SystemExit
            remember(job, facts)

        with monkeypatch.context() as stop:
            stop.setattr(session, "_remember", interrupted)
            with pytest.raises(SystemExit):
                hurry(3)
        assert ProviderJob.objects.get().state == JobState.CHECKING
        hurry()
        assert fakes.charged("pergai") == 1
        assert EnhancementItem.objects.get().status in (ItemStatus.COMPLETED, ItemStatus.STALLED)

    def test_one_that_tells_an_id_as_well_has_made_it_all_the_same(
        self, account: Account, make_product: Any, fakes: Fakes
    ) -> None:
        """Whether there is a generation under that id is not stated: here there is none."""
        told = {"id": "tool_1", "status": "completed", "resultImagePath": f"{fakes.base}/files/result.png"}
        fakes.fail("pergai.create", "after", skip=1, status=200, body=json.dumps(told).encode())
        made = _cut_out(account("pergai"), make_product())
        hurry()
        assert made.items.get().status == ItemStatus.COMPLETED
        assert fakes.charged("pergai") == 1
        assert ProviderJob.objects.get().remote_id == "tool_1"  # a job that is known, also after a restore

    def test_a_download_that_failed_for_good_is_only_fetched_again(self, tool: Enhancement, fakes: Fakes) -> None:
        fakes.fail("files.read", "drop", times=50)
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.FAILED
        fakes.faults.clear()
        retry.retry(tool)
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
        assert fakes.charged("pergai") == 1


class TestFinishedWithoutAPicture:
    """A14: it is read again before it counts, and afterwards only collected."""

    def test_one_such_answer_is_nothing(self, account: Account, order: Order, fakes: Fakes) -> None:
        order(account("productai"))
        _shows(fakes, 1, status="COMPLETED")
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED

    def test_it_fails_at_last_and_is_not_bought_again(self, account: Account, order: Order, fakes: Fakes) -> None:
        enhancement = order(account("productai"))
        _shows(fakes, 50, status="COMPLETED")
        hurry()
        item = EnhancementItem.objects.get()
        assert (item.status, item.error_code) == (ItemStatus.FAILED, "no_picture")
        fakes.faults.clear()
        retry.retry(enhancement)
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
        assert (fakes.charged("productai"), _booked()) == (1, 3)

    def test_an_item_without_address_of_a_completed_batch(self, account: Account, order: Order, fakes: Fakes) -> None:
        enhancement = order(account("aigenstudio"), 2)
        hurry(1)
        batch = fakes.created[0].key
        body = json.dumps({"enhancement": {"id": batch, "status": "completed", "items": []}}).encode()
        fakes.fail("aigenstudio.read", "status", times=50, status=200, body=body)
        hurry()
        assert EnhancementItem.objects.filter(status=ItemStatus.FAILED).count() == 2
        fakes.faults.clear()
        retry.retry(enhancement)
        hurry()
        assert EnhancementItem.objects.filter(status=ItemStatus.COMPLETED).count() == 2
        assert fakes.charged("aigenstudio") == 2

    def test_what_was_fetched_of_it_is_kept_while_the_others_are_asked_for_again(
        self, account: Account, order: Order, fakes: Fakes
    ) -> None:
        enhancement = order(account("aigenstudio"), 3)
        hurry(1)
        fakes.fail("files.read", "status", times=9, skip=2, status=500)
        hurry(2)
        assert enhancement.items.filter(status=ItemStatus.COMPLETED).count() == ResultImage.objects.count() == 2
        job = ProviderJob.objects.get()
        assert (job.state, job.collectable) == (JobState.RUNNING, True)
        fakes.faults["files.read"] = Fault("status", 9, status=500, skip=1)  # only one is asked for
        hurry()
        assert enhancement.items.filter(status=ItemStatus.COMPLETED).count() == ResultImage.objects.count() == 3
        assert ProviderJob.objects.get().state == JobState.DONE
        assert _booked() == sum(one.cost for one in fakes.created)

    def test_a_batch_that_failed_as_a_whole_has_failed(self, account: Account, order: Order, fakes: Fakes) -> None:
        order(account("aigenstudio"), 2)
        hurry(1)
        told = {"id": fakes.created[0].key, "status": "failed", "items": [], "credits_used": 0}
        fakes.fail("aigenstudio.read", "status", status=200, body=json.dumps({"enhancement": told}).encode())
        hurry(1)
        assert set(EnhancementItem.objects.values_list("status", "error_code")) == {(ItemStatus.FAILED, "failed")}
        assert _booked() == 0

    @pytest.mark.parametrize("field", ["output_url", "result_url", "url"])
    def test_other_names_of_the_picture_are_known(
        self, field: str, account: Account, order: Order, fakes: Fakes
    ) -> None:
        order(account("productai"))
        _shows(fakes, 1, status="COMPLETED", **{field: fakes.file_url()})
        hurry(2)
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


def test_what_is_made_again_keeps_within_the_budget_of_its_enhancement(
    account: Account, order: Order, fakes: Fakes, person: Any
) -> None:
    enhancement = order(account("productai"), budget=Decimal(3))
    fakes.statuses["41001"] = "ERROR"
    hurry()
    assert (enhancement.items.get().status, _booked()) == (ItemStatus.FAILED, 3)
    with pytest.raises(RequestError, match="budget of 3 tokens of this enhancement 0 are left"):
        retry.retry(enhancement)
    assert _booked() == 3
    page = person("*").get(reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])).content.decode()
    assert "budget of 3.00 tokens" in page
    Enhancement.objects.update(budget=6)
    enhancement.refresh_from_db()
    retry.retry(enhancement)
    hurry()
    assert (enhancement.items.get().status, _booked(), fakes.charged("productai")) == (ItemStatus.COMPLETED, 6, 2)


class TestResultsThatExpire:
    """Paqshot keeps results for seven days."""

    @pytest.mark.parametrize(
        "told", [{"expires_at": "2020-01-01T00:00:00Z"}, {"created_at": "2020-01-01T00:00:00Z"}], ids=str
    )
    def test_what_is_gone_is_said_so_and_may_be_ordered_anew(
        self, told: dict[str, str], account: Account, order: Order, fakes: Fakes, person: Any
    ) -> None:
        order(account("paqshot"))
        hurry(1)
        state = {"id": fakes.created[0].id, "status": "completed", "image_url": fakes.file_url(), **told}
        fakes.fail("paqshot.read", "status", status=200, body=json.dumps(state).encode())
        fakes.fail("files.read", "status", status=410)
        hurry()
        item = EnhancementItem.objects.get()
        assert (item.status, item.error_code) == (ItemStatus.STALLED, "result_expired")
        assert fakes.created[0].id in item.error_message
        job = ProviderJob.objects.get()
        page = person("*").get(reverse("admin:product_imagery_providerjob_change", args=[job.pk])).content.decode()
        assert "Its result is lost: order it again (costs again)" in page
        reconcile.send_again(ProviderJob.objects.get(), None)  # a person's click
        assert _booked() == 2
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
        assert fakes.charged("paqshot") == _booked() == 2
        assert sorted(ProviderJob.objects.values_list("state", "cost")) == [("done", 1), ("failed", 1)]

    def test_ordering_anew_keeps_within_the_budget(self, account: Account, order: Order, fakes: Fakes) -> None:
        order(account("paqshot", budget_day=1))
        hurry(1)
        state = {"id": fakes.created[0].id, "status": "completed", "image_url": fakes.file_url()}
        state["expires_at"] = "2020-01-01T00:00:00Z"
        fakes.fail("paqshot.read", "status", status=200, body=json.dumps(state).encode())
        fakes.fail("files.read", "status", status=410)
        hurry()
        with pytest.raises(RequestError, match="budget of 1 generations today 0 are left"):
            reconcile.send_again(ProviderJob.objects.get(), None)
        job = ProviderJob.objects.get()
        assert (job.state, job.decision) == (JobState.STALLED, "")

    @pytest.mark.parametrize(
        "told",
        [{"expires_at": "2020-01-01T00:00:00"}, {"created_at": "9999-12-31T00:00:00Z"}, {"expires_at": "soon"}],
        ids=str,
    )
    def test_what_is_there_is_taken_whatever_is_said_of_its_time(
        self, told: dict[str, str], account: Account, order: Order, fakes: Fakes
    ) -> None:
        order(account("paqshot"))
        hurry(1)
        state = {"id": fakes.created[0].id, "status": "completed", **told}
        state["image_url"] = fakes.file_url()
        fakes.fail("paqshot.read", "status", status=200, body=json.dumps(state).encode())
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


class TestKeys:
    """Keys that cannot be read, that are renewed, and that belong elsewhere."""

    def test_work_waits_for_a_key_that_cannot_be_read(
        self, account: Account, order: Order, fakes: Fakes, settings: Any, person: Any
    ) -> None:
        """K7: encrypted with a key that is gone. The key entered anew is all that it takes."""
        order(account("productai"))
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "SECRET_KEYS": [Fernet.generate_key().decode()]}
        hurry(2)
        credential = ProviderCredential.objects.get()
        assert ProviderJob.objects.get().state == JobState.QUEUED
        assert credential.paused_at is not None
        assert _booked() == 3
        page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
        sent = {"provider": "productai", "label": "productai", "base_url": credential.base_url, "is_active": "on"}
        answer = person("*").post(page, sent | {"own_limits": "{}", "key": KEYS["productai"]}, follow=True)
        assert "is used again" in answer.content.decode()
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED

    def test_a_pause_by_a_person_takes_the_place_of_one_that_waits_for_a_key(self, account: Account) -> None:
        credential = account("paqshot")
        assert credential.pause("The key is refused.", stops_reads=True, awaits_key=True)
        call_command("imagery_credential", "pause", "paqshot", stdout=io.StringIO())
        credential.refresh_from_db()
        assert not credentials.welcome_key(credential)
        assert credential.paused_reason == "paused by hand"
        credential.pause("The key is refused.", stops_reads=True, awaits_key=True)
        credential.refresh_from_db()
        assert credential.paused_reason == "paused by hand"

    def test_the_check_of_a_key_that_can_only_read_jobs(self, account: Account) -> None:
        assert "accepts the key" in credentials.check(account("productai"))
        with pytest.raises(ProviderError, match="INVALID_API_KEY"):
            credentials.check(account("productai", key="another", label="bad"))

    def test_an_address_that_only_the_customer_knows_is_asked_for(self, db: None, monkeypatch: Any) -> None:
        monkeypatch.setenv("KEY_OF_IT", KEYS["pergai"])
        add = ("imagery_credential", "add", "pergai", "Main", "--key-env", "KEY_OF_IT")
        with pytest.raises(CommandError, match="enter yours, as in http://localhost:3002"):
            call_command(*add, stdout=io.StringIO())
        assert not ProviderCredential.objects.exists()
        call_command(*add, "--base-url", "http://localhost:3002/api/external/v1", stdout=io.StringIO())
        _move(ProviderCredential.objects.get(), "", KEYS["pergai"])
        found = io.StringIO()
        with pytest.raises(SystemExit):
            call_command("imagery_doctor", stdout=found)
        assert "Main: PergAI has no address that is the same for everybody" in found.getvalue()

    def test_a_new_key_does_not_end_a_pause_that_a_person_made(self, account: Account, person: Any) -> None:
        credential = account("productai")
        credential.pause("paused by somebody", stops_reads=True)
        page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
        sent = {"provider": "productai", "label": "productai", "base_url": credential.base_url, "is_active": "on"}
        person("*").post(page, sent | {"own_limits": "{}", "key": "another"})
        credential.refresh_from_db()
        assert credential.secret().reveal() == "another"
        assert credential.paused_at is not None

    def test_a_key_of_another_provider_is_refused_on_entry(self, db: None, person: Any) -> None:
        sent = {"provider": "aigenstudio", "label": "studio", "is_active": "on", "own_limits": "{}"}
        page = person("*").post(
            reverse("admin:product_imagery_providercredential_add"), sent | {"key": "pk_live_of_somebody"}
        )
        assert "A key of AI Gen Studio begins with aigen_live_ or aigen_test_" in page.content.decode()
        assert not ProviderCredential.objects.exists()

    def test_a_site_key_that_is_rotated_with_fallbacks_keeps_lost_requests(
        self, account: Account, order: Order, fakes: Fakes, settings: Any
    ) -> None:
        """K6."""
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "SECRET_KEYS": [Fernet.generate_key().decode()]}
        order(account("aigenstudio"))
        fakes.fail("aigenstudio.create", "lose")
        hurry(1)
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a new one of the site's own"
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
        assert fakes.charged("aigenstudio") == 1

    def test_a_key_that_is_echoed_is_not_kept(self, account: Account, order: Order, fakes: Fakes) -> None:
        order(account("productai"))
        key = KEYS["productai"]
        told = json.dumps({"name": "ApiError", "message": f"What is {key}?", "details": key}).encode()
        fakes.fail("productai.create", "status", status=400, body=told)
        hurry(1)
        item = EnhancementItem.objects.get()
        assert item.error_message.endswith("It says: “What is ••••? ••••”")
        assert key not in item.error_detail + ProviderJob.objects.get().note

    def test_a_new_account_proves_itself_with_one_create(self, account: Account, order: Order, fakes: Fakes) -> None:
        """K2: a bad key is not tried by all threads at once."""
        order(account("paqshot", key="pk_live_mistyped", consecutive_failures=1), 20)
        hurry(4)
        assert len(fakes.calls) == 1
        assert ProviderCredential.objects.get().paused_at is not None


def test_a_look_that_is_forbidden_concerns_its_job_alone(account: Account, order: Order, fakes: Fakes) -> None:
    """A19: three tries, then a person; the others go on."""
    order(account("productai"))
    hurry(1)
    fakes.fail("productai.read", "status", times=50, status=403)
    hurry()
    fakes.faults.clear()
    order(ProviderCredential.objects.get())
    hurry()
    assert list(ProviderJob.objects.order_by("pk").values_list("state", flat=True)) == [JobState.STALLED, JobState.DONE]
    assert ProviderCredential.objects.get().paused_at is None


def test_after_a_refusal_what_is_gone_is_not_ordered(account: Account, order: Order, fakes: Fakes) -> None:
    """A3: refused for now with three pictures; one of them vanishes before the next try."""
    order(account("aigenstudio"), 3)
    fakes.fail("aigenstudio.create", "status", status=429)
    hurry(1)
    default_storage.delete(EnhancementItem.objects.order_by("pk")[0].source_name)
    hurry()
    statuses = list(EnhancementItem.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == [ItemStatus.FAILED, ItemStatus.COMPLETED, ItemStatus.COMPLETED]
    assert (fakes.charged("aigenstudio"), _booked()) == (2, 10)
    keys = [call["idempotency-key"] for call in fakes.headers if "idempotency-key" in call]
    assert len(set(keys)) == 2  # other bytes, another key


def test_a_request_that_is_written_down_this_moment_is_not_taken_for_unsent(
    account: Account, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B16: the sweep read the row before the worker, whose lease expires, wrote its intent."""
    order(account("productai"))
    ProviderJob.objects.acquire_calls(list(ProviderJob.objects.due_calls()), 60)
    stale = ProviderJob.objects.get()
    ProviderJob.objects.update(intent_at=Now(), intent=b"{}", leased_until="2000-01-01T00:00Z")
    maintenance._look_up([stale])
    assert ProviderJob.objects.get().state == JobState.SENDING
    maintenance.release_abandoned()
    assert ProviderJob.objects.get().state == JobState.CHECKING


def test_a_longer_rest_is_not_cut_short(account: Account) -> None:
    """A6: told to wait ten minutes by one answer, and in trouble by the next one."""
    credential = account("productai")
    credential.slow_down(600.0)
    credential.slow_down()
    credential.slow_down(5.0)
    credential.refresh_from_db()
    assert not ProviderCredential.objects.not_cooling_down().exists()
    assert credential.consecutive_failures == 1
    assert (credential.cooldown_until - timezone.now()).total_seconds() > 500


def test_a_refusal_under_http_200_is_a_refusal(account: Account, order: Order, fakes: Fakes) -> None:
    """A8."""
    order(account("productai"))
    told = json.dumps({"status": "ERROR", "message": "The image cannot be fetched.", "code": "INVALID_IMAGE_URL"})
    fakes.fail("productai.create", "status", status=200, body=told.encode())
    hurry(1)
    item = EnhancementItem.objects.get()
    assert (item.status, item.error_message) == (
        ItemStatus.FAILED,
        "ProductAI.photo refused the request. It says: “The image cannot be fetched.”",
    )
    assert _booked() == 0


@pytest.mark.parametrize("change", [{"is_active": False}, {"paused_at": Now()}])
def test_what_was_leased_is_not_sent_when_the_account_is_stopped(
    change: dict[str, Any], account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J5: switched off between a lease and its call."""
    order(account("productai"), 2)
    write = mailbox._write_intents

    def stopped(intents: Any) -> int:
        ProviderCredential.objects.update(**change)
        return write(intents)

    monkeypatch.setattr(mailbox, "_write_intents", stopped)
    hurry(2)
    assert fakes.calls == []
    assert set(ProviderJob.objects.values_list("state", flat=True)) == {JobState.QUEUED}
    monkeypatch.undo()


def test_an_address_that_cannot_be_read_costs_its_own_picture_only(
    account: Account, order: Order, fakes: Fakes
) -> None:
    """E2: one of a batch of three."""
    order(account("aigenstudio"), 3)
    hurry(1)
    good, bad = fakes.file_url(), "https://[::1"
    items = [
        {"external_id": item.uuid.hex, "status": "completed", "result_url": bad if number == 1 else good}
        for number, item in enumerate(EnhancementItem.objects.order_by("pk"))
    ]
    told = {"enhancement": {"id": fakes.created[0].key, "status": "completed", "items": items}}
    fakes.fail("aigenstudio.read", "status", times=50, status=200, body=json.dumps(told).encode())
    hurry()
    statuses = list(EnhancementItem.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == [ItemStatus.COMPLETED, ItemStatus.FAILED, ItemStatus.COMPLETED]


def test_a_picture_of_one_pixel_is_kept_for_a_person_to_see(account: Account, order: Order, fakes: Fakes) -> None:
    """E16: it is paid for."""
    target = io.BytesIO()
    Image.new("RGB", (1, 1)).save(target, "PNG")
    fakes.picture = target.getvalue()
    order(account("productai"))
    hurry()
    assert ResultImage.objects.get().warnings == ["tiny"]


def test_the_forecast_counts_what_waits_already(account: Account, order: Order) -> None:
    """AI Gen Studio makes 25 pictures an hour, whoever asks for them."""
    credential = account("aigenstudio")
    spec = spec_of_operation("white_background", {}, credential)

    def hours(pictures: int) -> float:
        return estimate_seconds(credential, spec.operation, spec.offer, pictures) / 3600

    assert 38 < hours(1000) < 41
    assert hours(25) < 0.1
    order(credential, 25)
    assert 1 < hours(25) < 1.1


def test_what_helps_the_vendor_to_find_a_request_is_kept(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("aigenstudio"))
    told = {"error": {"code": "invalid_payload", "message": "Not so.", "request_id": "req_SUPPORT"}}
    fakes.fail("aigenstudio.create", "status", status=422, body=json.dumps(told).encode())
    hurry(1)
    assert "req_SUPPORT" in EnhancementItem.objects.get().error_detail
    assert fakes.headers[0]["x-request-id"] == fakes.headers[0]["idempotency-key"]


def _move(credential: ProviderCredential, address: str, key: str) -> None:
    """To another address, with the key entered again."""
    credential.base_url = address
    credential.set_secret(key)
    credential.save()


@pytest.mark.parametrize("part", ["nobody answers", "looks fail"])
def test_an_outage_is_probed_and_not_hammered(part: str, account: Account, order: Order, fakes: Fakes) -> None:
    """A20: also when nothing can be connected to, and for looks: the account rests, whatever is due."""
    credential = account("paqshot")
    order(credential, 20)
    if part == "looks fail":
        hurry(1)
        fakes.fail("paqshot.read", "status", times=500, status=503)
    else:
        _move(credential, "http://127.0.0.1:9/", KEYS["paqshot"])
    ProviderJob.objects.update(due_at=Now(), attempts=0)
    ProviderCredential.objects.update(cooldown_until=None)
    for _ in range(5):
        ProviderJob.objects.filter(leased_until=None).update(due_at=Now())
        run_slice(seconds=0.1)
    assert ProviderJob.objects.filter(attempts__gt=0).count() <= 6 + 1
    assert not ProviderCredential.objects.not_cooling_down().exists()


def test_other_bytes_the_second_time_overwrite_nothing(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E15: a worker dies with a picture stored and not written down, and its address brings another one then."""
    order(account("productai"))
    hurry(1)
    with monkeypatch.context() as dying:
        dying.setattr(loop, "apply_all", lambda words: None)
        hurry(1)
    item = EnhancementItem.objects.get()
    folder = f"product_imagery/results/{item.uuid}"
    first = {name: _content(f"{folder}/{name}") for name in default_storage.listdir(folder)[1]}
    assert len(first) == 3
    other = io.BytesIO()
    Image.new("RGB", (320, 240), "navy").save(other, "PNG")
    fakes.picture = other.getvalue()
    ProviderJob.objects.update(leased_until="2000-01-01T00:00Z")
    with monkeypatch.context() as untidied:
        untidied.setattr(maintenance, "delete_strays", lambda items: None)
        hurry()
    result = ResultImage.objects.get()
    assert {name: _content(f"{folder}/{name}") for name in first} == first
    assert _content(result.original.name) == fakes.picture
    assert hashlib.sha256(_content(result.image.name)).hexdigest() == result.sha256
    assert not {result.image.name, result.thumbnail.name, result.original.name} & {f"{folder}/{name}" for name in first}


def _content(name: str) -> bytes:
    with default_storage.open(name) as handle:
        content: bytes = handle.read()
    return content
