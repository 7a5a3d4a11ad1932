"""Runs of the local engine: trouble of the machine fails no picture, and a job that was not begun is no attempt."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db.models.functions import Now

from example_project.shop.models import Product
from product_imagery.exceptions import StorageError
from product_imagery.flows import local_jobs
from product_imagery.flows.worker.loop import Slice, run_slice
from product_imagery.imaging.sandbox import ImagingPool, PoolLimits
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob, WorkerTrouble
from product_imagery.states import ItemStatus, JobState
from product_imagery.storage import store
from tests.fakes.storages import raising, storing

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Slice]

pytestmark = pytest.mark.django_db


def test_an_engine_that_cannot_work_fails_no_picture(
    make_product: Make, enlarge: Enlarge, work: Work, settings: Any
) -> None:
    settings.PRODUCT_IMAGERY = {"PROCESSES": 1, "MEMORY_PER_PROCESS": 200_000_000}
    enlarge(make_product(), make_product(), make_product())
    for _ in range(3):
        ProviderJob.objects.update(due_at=Now())
        run_slice(seconds=0.5)
    assert set(ProviderJob.objects.values_list("state", "attempts")) == {(JobState.QUEUED, 0)}
    assert "engine of this machine" in WorkerTrouble.objects.get().reason
    assert EnhancementItem.objects.filter(error_message__contains="The picture waits").exists()
    settings.PRODUCT_IMAGERY = {"PROCESSES": 1}
    ProviderJob.objects.update(due_at=Now())
    work()
    assert set(EnhancementItem.objects.values_list("status", flat=True)) == {ItemStatus.COMPLETED}
    assert not WorkerTrouble.objects.exists()


def test_a_full_disk_for_temporary_files_says_so(make_product: Make) -> None:
    photo = make_product().photo
    with pytest.raises(StorageError, match="The disk for temporary files is full"):
        store.copy_out(photo.storage, photo.name, Path("/dev/full"), 1 << 40)


def test_a_full_disk_of_results_fails_no_picture(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enlarge(make_product())
    with storing(raising(OSError(28, "No space left on device"))):
        for _ in range(6):
            ProviderJob.objects.update(due_at=Now())
            run_slice(seconds=0.05)
    assert (ProviderJob.objects.get().state, ProviderJob.objects.get().attempts) == (JobState.QUEUED, 0)
    ProviderJob.objects.update(due_at=Now())
    work()
    assert ProviderJob.objects.get().state == JobState.DONE


def _leased() -> ProviderJob:
    ProviderJob.objects.update(due_at=Now())
    (job,) = ProviderJob.objects.acquire_due(providers=["local"], most=1, seconds=60)
    return job


def test_a_job_that_was_not_begun_returns_without_an_attempt(make_product: Make, enlarge: Enlarge) -> None:
    enlarge(make_product())
    for begun, attempts in ((False, 0), (True, 1), (False, 1)):
        local_jobs.return_job(_leased(), begun=begun)
        job = ProviderJob.objects.get()
        assert (job.state, job.attempts) == (JobState.QUEUED, attempts)
        assert EnhancementItem.objects.get().status == ItemStatus.QUEUED


def test_a_registration_that_is_gone_fails_the_job_with_its_reason(make_product: Make, enlarge: Enlarge) -> None:
    enlarge(make_product())
    EnhancementItem.objects.update(content_type_id=ContentType.objects.get_for_model(Enhancement).pk)
    (task,) = local_jobs.prepare([_leased()])
    with closing(ImagingPool(PoolLimits(processes=1))) as pool:
        local_jobs.record(local_jobs.perform(task, pool))
    item = EnhancementItem.objects.get()
    assert (item.status, item.job.state) == (ItemStatus.FAILED, JobState.FAILED)
    assert "register" in item.error_message
