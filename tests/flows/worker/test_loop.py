"""From queued to completed: through the real worker loop and the real engine, with what can happen on the way."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from example_project.shop.models import Collection, Product
from product_imagery import signals
from product_imagery.exceptions import StateError
from product_imagery.flows import local_jobs
from product_imagery.flows.enhancements import cancel, retry
from product_imagery.flows.worker import health
from product_imagery.flows.worker.loop import run_slice
from product_imagery.flows.worker.maintenance import clear_up, release_abandoned
from product_imagery.imaging.sandbox import ImagingPool, PoolLimits
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob, ResultImage, Selection, WorkerLease
from product_imagery.products import description_of
from product_imagery.states import EnhancementStatus, ItemStatus, JobState, Review
from product_imagery.storage import store

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Any]


def _now(enhancement: Enhancement) -> Enhancement:
    return Enhancement.objects.with_progress().get(pk=enhancement.pk)


def test_pictures_are_made_stored_and_wait_for_review(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enhancement = enlarge(make_product(), make_product())
    assert work().done == 2
    assert _now(enhancement).status == EnhancementStatus.COMPLETED
    for result in ResultImage.objects.all():
        assert (result.width, result.height, result.review) == (480, 400, Review.PENDING)
        assert store.digest(store.results_storage(), result.image.name) == result.sha256
        assert result.sha256[:24] in result.image.name
        assert result.thumbnail.storage.exists(result.thumbnail.name)
        assert len(result.item.source_digest) == 64


def test_galleries_go_the_same_way(gallery: Collection, enlarge: Enlarge, work: Work) -> None:
    enhancement = enlarge(gallery, auto_approve=True)
    assert work().published == 3
    assert _now(enhancement).completed == 3
    assert {(row.width, row.height) for row in gallery.photos.all()} == {(240, 200), (240, 202), (240, 204)}


def test_one_bad_picture_does_not_spoil_the_others(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enhancement = enlarge(make_product(), make_product("Broken", content=b"not a picture"))
    work()
    current = _now(enhancement)
    assert current.status == EnhancementStatus.PARTIALLY_COMPLETED
    broken = enhancement.items.get(label="Broken")
    assert (broken.status, broken.error_code) == (ItemStatus.FAILED, "not_an_image")
    assert "Upload a JPEG, PNG or WebP" in broken.error_message


def test_a_source_that_is_gone_fails_with_a_reason(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    product = make_product()
    enhancement = enlarge(product)
    product.photo.storage.delete(product.photo.name)
    work()
    item = enhancement.items.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "missing")


def test_failed_pictures_can_be_tried_again(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    product = make_product(content=b"broken")
    enhancement = enlarge(product)
    work()
    assert _now(enhancement).status == EnhancementStatus.FAILED
    good = make_product()
    path = Path(product.photo.path)
    path.write_bytes(Path(good.photo.path).read_bytes())
    assert retry.retry(enhancement) == 1
    assert enhancement.items.get().error_message == ""
    work()
    assert _now(enhancement).status == EnhancementStatus.COMPLETED
    with pytest.raises(StateError):
        retry.retry(enhancement)


def test_cancelling_stops_what_has_not_begun(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enhancement = enlarge(make_product(), make_product())
    assert cancel.cancel(enhancement) == 2
    assert _now(enhancement).status == EnhancementStatus.CANCELLED
    assert work().done == 0
    with pytest.raises(StateError):
        cancel.cancel(_now(enhancement))
    assert retry.retry(enhancement, only_failed=False) == 2
    work()
    assert _now(enhancement).status == EnhancementStatus.COMPLETED


def test_what_runs_when_cancelled_is_kept(make_product: Make, enlarge: Enlarge) -> None:
    enhancement = enlarge(make_product(), make_product())
    (job,) = ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=60)
    (task,) = local_jobs.prepare([job])
    assert cancel.cancel(enhancement) == 1
    _perform_and_record(task)
    current = _now(enhancement)
    assert (current.status, current.completed, current.cancelled) == (EnhancementStatus.PARTIALLY_COMPLETED, 1, 1)


def _perform_and_record(task: local_jobs.Task) -> None:
    pool = ImagingPool(PoolLimits(processes=1))
    local_jobs.record(local_jobs.perform(task, pool))
    pool.close()


def test_a_worker_that_lost_its_lease_changes_nothing_and_leaves_no_file(make_product: Make, enlarge: Enlarge) -> None:
    enhancement = enlarge(make_product())
    (job,) = ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=60)
    (task,) = local_jobs.prepare([job])
    ProviderJob.objects.update(lease_token=uuid.uuid4())
    _perform_and_record(task)
    assert not ResultImage.objects.exists()
    assert enhancement.items.get().status == ItemStatus.PROCESSING
    EnhancementItem.objects.update(
        status=ItemStatus.FAILED, active_key=None, finished_at=timezone.now() - timedelta(hours=2)
    )
    ProviderJob.objects.update(state=JobState.FAILED, taken_over=True, finished_at=timezone.now() - timedelta(hours=2))
    clear_up()
    assert _stored_files() == []


def _stored_files() -> list[str]:
    storage = store.results_storage()
    assert isinstance(storage, FileSystemStorage)
    root = Path(storage.location)
    return [str(path.relative_to(root)) for path in root.glob("product_imagery/results/**/*") if path.is_file()]


def test_a_lease_is_acquired_once(make_product: Make, enlarge: Enlarge) -> None:
    enlarge(make_product())
    assert len(ProviderJob.objects.acquire_due(providers=["local"], most=5, seconds=60)) == 1
    assert ProviderJob.objects.acquire_due(providers=["local"], most=5, seconds=60) == []


def test_jobs_of_a_dead_worker_are_done_by_the_next(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enhancement = enlarge(make_product())
    ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=-1)
    assert health.overdue_work(seconds=-5) == 1
    work()
    assert _now(enhancement).status == EnhancementStatus.COMPLETED
    assert ResultImage.objects.count() == 1
    assert len(_stored_files()) == 2


def test_a_picture_that_kills_workers_is_given_up(make_product: Make, enlarge: Enlarge, settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"MAX_CLAIMS": 2}
    enhancement = enlarge(make_product())
    for _ in range(2):
        ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=-1)
        assert release_abandoned() == 1
    item = enhancement.items.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "kills_workers")
    assert _now(enhancement).status == EnhancementStatus.FAILED


def test_what_may_have_been_accepted_elsewhere_is_looked_up(
    make_product: Make, enlarge: Enlarge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("product_imagery.providers.local.provider.LocalEngine.repeatable", False)
    enhancement = enlarge(make_product())
    ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=-1)
    release_abandoned()
    assert ProviderJob.objects.get().state == JobState.QUEUED  # no request was written down, so none was sent
    ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=-1)
    ProviderJob.objects.update(intent=b"{}", intent_at=timezone.now())
    release_abandoned()
    assert ProviderJob.objects.get().state == JobState.CHECKING
    assert ProviderJob.objects.get().due_at > timezone.now()
    assert _now(enhancement).is_active


def test_storage_trouble_is_tried_again_and_seen(make_product: Make, enlarge: Enlarge, settings: Any) -> None:
    enhancement = enlarge(make_product())
    product = Product.objects.get()
    Path(settings.MEDIA_ROOT, "product_imagery").write_text("a file where a folder has to be")
    (job,) = ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=60)
    (task,) = local_jobs.prepare([job])
    _perform_and_record(task)
    item = enhancement.items.get()
    assert (item.status, item.error_code) == (ItemStatus.QUEUED, "storage")
    assert ProviderJob.objects.get().due_at > timezone.now()
    Path(settings.MEDIA_ROOT, "product_imagery").unlink()
    ProviderJob.objects.update(due_at=timezone.now())
    run_slice(until_idle=True)
    assert _now(enhancement).status == EnhancementStatus.COMPLETED
    assert Product.objects.filter(pk=product.pk).exists()


def test_two_workers_do_not_run_in_one_slot(make_product: Make, enlarge: Enlarge) -> None:
    enlarge(make_product())
    slot = WorkerLease.objects.acquire_seat(seats=1, seconds=60, holder="other")
    assert slot is not None
    assert not run_slice(until_idle=True).ran
    slot.release()
    assert run_slice(until_idle=True).done == 1


def test_a_slot_of_a_dead_worker_becomes_free(db: None) -> None:
    lost = WorkerLease.objects.acquire_seat(seats=1, seconds=-1, holder="dead")
    assert WorkerLease.objects.acquire_seat(seats=1, seconds=60, holder="next") is not None
    assert lost is not None
    assert not lost.renew(60)


def test_a_stopped_worker_returns_what_it_has_not_done(make_product: Make, enlarge: Enlarge) -> None:
    enhancement = enlarge(make_product())
    stop = threading.Event()
    stop.set()
    assert run_slice(stop=stop).work_left
    assert enhancement.items.get().status == ItemStatus.QUEUED
    jobs = ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=60)
    local_jobs.prepare(jobs)
    local_jobs.return_job(jobs[0], begun=False)
    assert enhancement.items.get().status == ItemStatus.QUEUED
    assert ProviderJob.objects.get().attempts == 0


def test_signals_tell_what_became_true(
    make_product: Make, enlarge: Enlarge, work: Work, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[str] = []
    heard = {
        name: lambda _n=name, **_: told.append(_n)
        for name in ("enhancement_finished", "item_completed", "item_failed", "result_approved", "image_published")
    }
    for name, receiver in heard.items():
        getattr(signals, name).connect(receiver)

    def angry(**_: Any) -> None:
        raise RuntimeError("a receiver of the shop's")

    signals.item_completed.connect(angry)
    with django_capture_on_commit_callbacks(execute=True):
        enlarge(make_product(), make_product(content=b"x"), auto_approve=True)
        work()
    for name, receiver in heard.items():
        getattr(signals, name).disconnect(receiver)
    signals.item_completed.disconnect(angry)
    counted = {name: told.count(name) for name in heard}
    assert counted == dict.fromkeys(heard, 1)


def test_old_selections_and_unfinished_files_are_cleared(
    person: Callable[..., Any], make_product: Make, settings: Any
) -> None:
    person("*")
    product = make_product()
    scratch = Path(settings.MEDIA_ROOT, ".product_imagery-tmp")
    scratch.mkdir()
    (scratch / "old").write_bytes(b"half")
    os.utime(scratch / "old", (1, 1))
    (scratch / "young").write_bytes(b"half")
    old = Selection.objects.create(content_type=description_of(Product).content_type(), ids=[product.pk], actor_id=1)
    Selection.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    clear_up()
    assert not Selection.objects.exists()
    assert [path.name for path in scratch.iterdir()] == ["young"]


def test_the_progress_of_all_rows_takes_one_query(
    make_product: Make, enlarge: Enlarge, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        enlarge(make_product())
    with django_assert_num_queries(1):
        assert [row.total for row in Enhancement.objects.with_progress()] == [1, 1, 1]  # type: ignore[attr-defined]
    assert EnhancementItem.objects.to_review().count() == 0
