"""One run of the local engine: from a leased job to its result.

``perform`` runs in a thread and touches no database; ``record`` writes, if the job's lease is still held.
"""

from __future__ import annotations

import base64
import errno
import logging
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import EngineError, FetchError, ImageryError, RegistrationError, StorageError
from product_imagery.flows.guard import TRANSIENT, attempt, raise_if_away, with_retries
from product_imagery.flows.jobs.rollup import begin, end_items, keep_waiting
from product_imagery.flows.log_ids import ids_of_job
from product_imagery.flows.results import fetch
from product_imagery.flows.results.fidelity import Comparison
from product_imagery.flows.results.marketplace import checked
from product_imagery.flows.results.record import delete_strays, record_results
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.models import EnhancementItem, LimitUse, ProviderJob, transitions
from product_imagery.products import ProductImages, description_for
from product_imagery.provider_kit.contract import Job, JobInput, Operation
from product_imagery.provider_kit.driver import drive
from product_imagery.provider_kit.outcomes import Finished, Picture, Refused
from product_imagery.provider_kit.registry import get_offer, get_provider
from product_imagery.provider_kit.requests import Compute, Request
from product_imagery.sources import read_source
from product_imagery.states import ItemStatus, JobState
from product_imagery.storage.scratch import TEMPORARY

logger = logging.getLogger("product_imagery")

_AGAIN_SECONDS = (2, 30, 120, 600)  #: waits before a job is tried again after an error that may pass
_ENGINE_TRIES = 2  #: a picture that broke the imaging process is tried once more: the machine may be less busy


#: PNG, 64×64: a red disc on grey
_TEST_PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAlklEQVR42u3ZwQ2AIBAEwCvFEizdMnhYlB1oAihwTrIF7Py4JUo5"
    "l04AAAAAAAAAAAAAAAB0y7Fv95kX8Fj9DUZ8X70vIwa272KIse3bDTG8faMhZmjfYvgroHv7asMvAS+1rzMAAAAAAAAArAbwmJsA"
    "4KCZALD8TZxhlciwC2VY5jJso0nWaR8cAAAAAAAAAAAAAGvlAomti/TSJjSMAAAAAElFTkSuQmCC"
)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  #: of a disk that cannot be written at present


@dataclass
class Task:
    """A leased job with everything that its thread needs, which has no database."""

    job: ProviderJob
    items: list[EnhancementItem]
    descriptions: dict[int, ProductImages] = field(default_factory=dict)
    error: ImageryError | None = None


@dataclass
class Done:
    """The end of a task: stored pictures, or an error. ``again``: it may succeed later."""

    task: Task
    pictures: list[fetch.Stored] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)
    error: ImageryError | None = None
    again: bool = False
    machine: bool = False  #: the machine failed, not the picture


def prepare(jobs: list[ProviderJob]) -> list[Task]:
    """Load what the threads need from the database, and mark the items of these jobs as processing."""
    begin(jobs)
    tasks = []
    for job in jobs:
        task = Task(job, list(job.items.all()))
        try:
            task.descriptions = {item.pk: description_for(item.content_type_id) for item in task.items}
        except RegistrationError as error:
            task.error = error
        tasks.append(task)
    return tasks


def perform(task: Task, pool: ImagingPool) -> Done:
    """Do one job. Never raises: an error is in what is returned."""
    done = Done(task, error=task.error)
    if task.error:
        return done
    error = attempt(partial(_perform, task, done, pool))
    if error is None:
        return done
    broken = _broken_machine(error, task, pool)
    if broken is not None:
        done.error, done.again, done.machine = broken, True, True
        return done
    if not isinstance(error, ImageryError):
        sentence = "Job %s failed in a way that nobody foresaw."
        logger.error(sentence, task.job.pk, exc_info=error, extra=ids_of_job(task.job))
        error = EngineError(gettext("The picture could not be processed."), code="unforeseen", detail=repr(error))
    done.error, done.again = error, _may_pass(error, task.job.attempts)
    return done


def _broken_machine(error: Exception, task: Task, pool: ImagingPool) -> ImageryError | None:
    """Return the error of this machine if it is why a job failed, as a small test picture fails as well."""
    if isinstance(error, StorageError):
        full = getattr(error.__cause__, "errno", None) in _FULL
        return error if full else None
    if not (isinstance(error, EngineError) or getattr(error, "code", "") == "too_demanding") or _is_stopping(error):
        return None
    try_again = attempt(partial(_make_test_picture, task.job, pool))
    if not isinstance(try_again, ImageryError) or _is_stopping(try_again):
        return None
    reason = gettext("The engine of this machine makes no picture at present: %(reason)s The picture waits.") % {
        "reason": try_again.message
    }
    return EngineError(reason, code="engine_broken", detail=try_again.detail)


def _is_stopping(error: Exception) -> bool:
    return getattr(error, "code", "") == "stopping"


def _make_test_picture(job: ProviderJob, pool: ImagingPool) -> None:
    """Carry out a job's operation with its plain options on a drawn picture. Raises what the engine raises."""
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as name:
        path = Path(name, "test.png")
        path.write_bytes(base64.b64decode(_TEST_PICTURE))
        provider = get_provider(job.provider)()
        plain = get_offer(type(provider), job.operation).defaults()
        settings = get_settings().provider_settings()
        view = Job("test", Operation(job.operation), plain, (JobInput(0, path=path),), Path(name), settings)
        drive(provider.submit(view), lambda request: _respond(request, pool))


def _perform(task: Task, done: Done, pool: ImagingPool) -> None:
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        inputs = tuple(_input(item, task, done, folder) for item in task.items)
        outcome = drive(_conversation(task, inputs, folder), lambda request: _respond(request, pool))
        if isinstance(outcome, Refused):
            raise ImageryError(outcome.message, code=outcome.code, detail=outcome.detail)
        assert isinstance(outcome, Finished)
        uuids = {item.pk: item.uuid for item in task.items}
        pictures = [picture for picture in outcome.pictures if isinstance(picture, Picture)]
        rules = task.job.enhancement.rules
        paths = {given.item_id: given.path for given in inputs if given.path}
        comparison = Comparison(task.job.enhancement, paths.__getitem__, pool)
        pictures = [comparison.of(checked(picture, rules, pool)) for picture in pictures]
        done.pictures = [fetch.store(picture, uuids[picture.item_id]) for picture in pictures]


def _input(item: EnhancementItem, task: Task, done: Done, folder: Path) -> JobInput:
    path = folder / f"source-{item.pk}"
    storage = task.descriptions[item.pk].storage
    done.digests[item.pk] = read_source(storage, item.source_name, path, item.source_url)
    return JobInput(item.pk, path=path)


def _conversation(task: Task, inputs: tuple[JobInput, ...], folder: Path) -> Any:
    job = task.job
    provider = get_provider(job.provider)()
    settings = get_settings().provider_settings()
    options = get_offer(type(provider), job.operation).complete(job.options)
    return provider.submit(Job(str(job.uuid), Operation(job.operation), options, inputs, folder, settings))


def _respond(request: Request, pool: ImagingPool) -> Any:
    assert isinstance(request, Compute)
    return pool.run(request.call, **request.arguments)


def _may_pass(error: ImageryError, attempts: int) -> bool:
    """Say whether the job may succeed later: storage, network and a crowded machine recover, a bad file does not."""
    if isinstance(error, StorageError | FetchError):
        return error.may_pass(attempts, get_settings().max_claims)
    return error.code in ("engine_crashed", "engine_timeout") and attempts < _ENGINE_TRIES


def record(done: Done) -> None:
    """Write down the end of a job if its lease is still held; otherwise maintenance deletes the stored files.

    A result that cannot be written at all fails its job, without effect on others. Raises ``DatabaseAway`` and nothing
    else; may be repeated.
    """
    error = attempt(lambda: with_retries(partial(_record, done)))
    if error is None:
        return
    raise_if_away(error)
    job = done.task.job
    logger.error("The result of job %s could not be written down.", job.pk, exc_info=error, extra=ids_of_job(job))
    if not isinstance(error, TRANSIENT):
        sentence = gettext(
            "The picture was made, but could not be written down; the log says why. Nothing was spent: try again."
        )
        attempt(partial(_record, Done(done.task, error=EngineError(sentence, code="unrecordable"))))


def _record(done: Done) -> None:
    job = done.task.job
    with transaction.atomic():
        held = ProviderJob.objects.held(job)
        if done.again:
            wait = _AGAIN_SECONDS[min(job.attempts, len(_AGAIN_SECONDS)) - 1]
            spared = {"attempts": max(0, job.attempts - 1)} if done.machine else {}  # no attempt of this picture
            if transitions.requeue(held, wait, **spared):
                keep_waiting(job, JobState.QUEUED, done.error)
            return
        ours = transitions.mark_failed(held) if done.error else transitions.mark_done(held)
        if ours:
            for pk, digest in done.digests.items():
                EnhancementItem.objects.filter(pk=pk).update(source_digest=digest)
            record_results([(job, done.task.items, done.pictures)])
            end_items([job], ItemStatus.FAILED if done.error else ItemStatus.COMPLETED, done.error)
    if ours and job.attempts > 1:  # with the lease lost, another worker may be using the files
        delete_strays(done.task.items)


def return_job(job: ProviderJob, *, begun: bool) -> None:
    """Return a leased job to its earlier state, as a worker that stops. One that was not begun counts as no attempt."""
    attempts = job.attempts if begun else max(0, job.attempts - 1)
    if not begun:
        LimitUse.objects.not_sent(job)
    returned = transitions.return_jobs(ProviderJob.objects.held(job), job.before_call, attempts)
    if returned and job.before_call == JobState.QUEUED:
        transitions.keep_waiting(EnhancementItem.objects.filter(job=job), ItemStatus.QUEUED)
