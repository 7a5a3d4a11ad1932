"""What was paid for is kept: nothing is bought twice, and nothing is thrown away, when things go wrong in odd ways."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from PIL import Image

from example_project.shop.models import Product
from product_imagery.exceptions import RequestError
from product_imagery.flows.enhancements import reconcile, retry
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.worker import hosted_calls, maintenance
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
from tests.fakes.server import Fakes, Fault
from tests.fakes.statements import failing

pytestmark = pytest.mark.django_db


def _booked() -> int:
    return int(sum(entry.amount for entry in CreditEntry.objects.all()))


def _cut_out(credential: ProviderCredential, product: Product) -> Enhancement:
    spec = spec_of_operation("remove_background", {"image_folder": "products"}, credential)
    return enhance({description_of(Product): [product.pk]}, spec, channel="command").enhancement


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
        self, tool: Enhancement, fakes: Fakes
    ) -> None:
        noting = 'UPDATE "product_imagery_providerjob" SET "remembered"'
        with failing(SystemExit(), noting, having="picture_url"), pytest.raises(SystemExit):
            hurry(3)
        assert ProviderJob.objects.get().state == JobState.CHECKING
        hurry()
        assert fakes.charged("pergai") == 1
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED

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
    assert "tiny" in ResultImage.objects.get().warnings


def test_other_bytes_the_second_time_overwrite_nothing(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E15: a worker dies with a picture stored and not written down, and its address brings another one then."""
    order(account("productai"))
    hurry(1)
    with monkeypatch.context() as dying:
        dying.setattr(hosted_calls, "apply_all", lambda words: None)
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
