"""Track: talk to hosted providers about claimed jobs, and let their word change a job, here and nowhere else.

``perform`` runs in a thread and touches no database but by errands; ``record`` writes, fenced by the claim's token.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from product_imagery import files, signals
from product_imagery.conf import get_settings
from product_imagery.exceptions import (
    ConfigurationError,
    FetchError,
    ImageryError,
    ProviderError,
    RateLimited,
    UnsafeAddress,
)
from product_imagery.flows import fetch, ledger
from product_imagery.flows.line import Line, Ticket
from product_imagery.flows.settle import end_items, reason, stall
from product_imagery.models import EnhancementItem, ProviderCredential, ProviderJob
from product_imagery.models.clock import from_now
from product_imagery.products import ProductImages, description_for
from product_imagery.provider_kit.contract import (
    Accepted,
    Finished,
    Form,
    Job,
    JobInput,
    NotAccepted,
    Operation,
    Outcome,
    Refused,
    Running,
    Undecidable,
)
from product_imagery.provider_kit.driver import drive
from product_imagery.provider_kit.registry import get_provider
from product_imagery.provider_kit.retry import Verdict, backoff, may_retry
from product_imagery.sources import public_address, read_source
from product_imagery.states import OPEN_ITEMS, ItemStatus, JobState

logger = logging.getLogger("product_imagery")

_FREE = {"token": None, "claimed_until": None}
_GRACE = 30.0  #: seconds before a lost create is looked up: what was on its way has arrived by then
_FETCH_TRIES = 8
_OWN_TRIES = 5  #: with our own storage
_CHECK_TRIES = 30  #: about four hours of looking up
_ABSENT = "absent_once"


@dataclass
class Call:
    """A claimed job with everything that the thread needs."""

    job: ProviderJob
    items: list[EnhancementItem]
    ticket: Ticket
    descriptions: dict[int, ProductImages] = field(default_factory=dict)
    error: ImageryError | None = None

    @property
    def provider(self) -> Any:
        """A fresh instance of the provider."""
        return get_provider(self.job.provider)()


@dataclass
class Word:
    """What a call brought: an outcome, with its pictures stored, or an error."""

    call: Call
    outcome: Outcome | None = None
    error: ImageryError | None = None
    pictures: list[fetch.Stored] = field(default_factory=list)
    bad: dict[int, ImageryError] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)


def prepare(jobs: list[ProviderJob], seconds: float) -> list[Call]:
    """Load what the threads need."""
    calls = []
    for job in jobs:
        items = [item for item in job.items.all() if item.status in OPEN_ITEMS]
        call = Call(job, items, Ticket(job, time.monotonic() + seconds))
        try:
            call.descriptions = {item.pk: description_for(item.content_type) for item in call.items}
        except ConfigurationError as error:
            call.error = error
        calls.append(call)
    return calls


def perform(call: Call, line: Line) -> Word:
    """Make one call, and fetch what it brought. Never raises: what went wrong is in the answer."""
    word = Word(call, error=call.error)
    if call.error:
        return word
    try:
        with tempfile.TemporaryDirectory(prefix=files.TEMPORARY, ignore_cleanup_errors=True) as folder:
            word.outcome = _converse(call, word, Path(folder), line)
            if isinstance(word.outcome, Finished):
                fetch.collect(word.outcome, call.items, Path(folder), line.pool, word.pictures, word.bad)
    except ImageryError as error:
        word.error = error
        if isinstance(error, ProviderError):
            error.creating = call.ticket.sent
    except Exception as error:  # one job must not take its neighbours and the pump with it
        logger.exception("Job %s failed in a way that nobody foresaw.", call.job.pk)
        word.error = ProviderError("The answer could not be worked on.", code="unforeseen", detail=repr(error)[:500])
        word.error.creating = call.ticket.sent
    return word


def _converse(call: Call, word: Word, folder: Path, line: Line) -> Outcome:
    job, provider = call.job, call.provider
    submitting = job.state == JobState.SENDING
    inputs = tuple(_input(item, call, word, folder, submitting) for item in call.items)
    view = Job(
        uuid=str(job.uuid),
        operation=Operation(job.operation),
        options=job.options,
        inputs=inputs,
        folder=folder,
        settings=get_settings().provider_settings(),
        remote_id=job.remote_id,
        remembered=job.remembered,
        intent=bytes(job.intent or b""),
        begun_at=job.intent_at.timestamp() if job.intent_at else 0.0,
        webhook_url=webhook_address(job.credential, str(job.uuid)) if provider.webhooks else "",
    )
    steps = {JobState.SENDING: provider.submit, JobState.CHECKING: provider.reconcile, JobState.RUNNING: provider.poll}
    step = steps[JobState(job.state)]
    return drive(step(view), lambda request: line.answer(request, call.ticket))


def _input(item: EnhancementItem, call: Call, word: Word, folder: Path, submitting: bool) -> JobInput:
    external_id = item.uuid.hex
    description = call.descriptions[item.pk]
    if not submitting:
        return JobInput(item.pk, external_id)
    if call.provider.form is Form.URL:
        return JobInput(item.pk, external_id, url=public_address(description, item.source_name, str(item.uuid)))
    own = folder / f"source-{item.pk}"
    own.mkdir()
    path, word.digests[item.pk] = read_source(description, item.source_name, own)
    return JobInput(item.pk, external_id, path=path)


def webhook_address(credential: ProviderCredential, token: str = "") -> str:
    """Where the provider may call us, with a job's own token in it; empty where the site has no public address."""
    base = get_settings().public_base_url
    if not base:
        return ""
    try:
        path = reverse("product_imagery:webhook", args=[credential.uuid])
    except NoReverseMatch:
        return ""
    return f"{base.rstrip('/')}{path}{f'?job={token}' if token else ''}"


def record(word: Word) -> None:
    """Let a provider's word change its job, if the claim is still ours; otherwise the sweep clears what was stored."""
    with transaction.atomic():
        if word.error is not None:
            _apply_error(word, word.error)
        else:
            assert word.outcome is not None
            _APPLY[type(word.outcome)](word, word.outcome)
        for pk, digest in word.digests.items():
            EnhancementItem.objects.filter(pk=pk, source_digest="").update(source_digest=digest)


def _accepted(word: Word, outcome: Accepted) -> None:
    job = word.call.job
    try:
        with transaction.atomic():
            ours = _move(
                job,
                JobState.RUNNING,
                remote_id=outcome.remote_id,
                remote_status=outcome.status[:60],
                accepted_at=Now(),
                due_at=from_now(outcome.check_after),
                troubles=0,
                note="",
            )
    except IntegrityError:
        sentence = f"The provider answered with an id ({outcome.remote_id}) that belongs to another job already."
        _stall(job, "id_taken", sentence)
        return
    if ours and outcome.balance is not None:
        ProviderCredential.objects.filter(pk=job.credential_id).update(balance=outcome.balance)


def _running(word: Word, outcome: Running) -> None:
    job = word.call.job
    since = (job.accepted_at or job.created_at).timestamp()
    if time.time() - since > word.call.provider.deadline:
        sentence = "The provider has been working on this for much longer than usual. Its last word: {}."
        _stall(job, "overdue", sentence.format(outcome.status or "none"))
        return
    wait = outcome.check_after
    _move(job, JobState.RUNNING, remote_status=outcome.status[:60], due_at=from_now(wait), troubles=0, note="")


def _finished(word: Word, outcome: Finished) -> None:
    job = word.call.job
    refused = {failure.item_id: ImageryError(failure.message, code=failure.code) for failure in outcome.failures}
    transient = [error for error in word.bad.values() if not isinstance(error, UnsafeAddress)]
    if transient and job.troubles < _FETCH_TRIES:
        _again(job, JobState.RUNNING, transient[0], backoff(job.troubles), collectable=True)
        return
    done = {stored.picture.item_id for stored in word.pictures}
    state = JobState.DONE if done else JobState.FAILED
    left = {"collectable": bool(word.bad), "remote_status": outcome.status[:60], "note": ""}
    if not _move(job, state, finished_at=Now(), remote_id=job.remote_id, **left):
        return
    fetch.write_down(job, [item for item in word.call.items if item.pk in done], word.pictures)
    ledger.settle_cost(job, outcome.cost)
    missing = FetchError("The provider finished without a picture for this product.", code="no_picture")
    for item in word.call.items:
        error = None if item.pk in done else word.bad.get(item.pk) or refused.get(item.pk, missing)
        end_items(job, ItemStatus.FAILED if error else ItemStatus.COMPLETED, error, only=[item.pk])


def _refused(word: Word, outcome: Refused) -> None:
    job = word.call.job
    if _move(job, JobState.FAILED, finished_at=Now()):
        if outcome.charged:
            ledger.settle_cost(job, None)
        else:
            ledger.release(job)
        end_items(job, ItemStatus.FAILED, ImageryError(outcome.message, code=outcome.code, detail=outcome.detail))


def _not_accepted(word: Word, _outcome: NotAccepted) -> None:
    job = word.call.job
    if job.remembered.get(_ABSENT):
        _move(job, JobState.QUEUED, due_at=Now(), remembered={}, intent=None, intent_at=None, troubles=0)
    else:  # lists lag behind: absent is what is absent twice
        _move(job, JobState.CHECKING, due_at=from_now(2 * _GRACE), remembered={**job.remembered, _ABSENT: "1"})


def _undecidable(word: Word, outcome: Undecidable) -> None:
    sentence = f"The connection was lost after the request was sent, so it may have been accepted. {outcome.why}"
    _stall(word.call.job, "outcome_unknown", sentence)


_Apply: TypeAlias = Callable[[Word, Any], None]
_APPLY: dict[type, _Apply] = {
    Accepted: _accepted,
    Running: _running,
    Finished: _finished,
    Refused: _refused,
    NotAccepted: _not_accepted,
    Undecidable: _undecidable,
}


def _apply_error(word: Word, error: ImageryError) -> None:
    if isinstance(error, ProviderError):
        _VERDICTS[may_retry(error)](word, error)
        return
    job = word.call.job
    if error.code == "missing" or isinstance(error, ConfigurationError) or job.troubles >= _OWN_TRIES:
        _fail(word, error)
    else:
        _again(job, _back(job), error, backoff(job.troubles))


def _fail(word: Word, error: ImageryError) -> None:
    _refused(word, Refused(error.code, error.message, error.detail))


def _pause(word: Word, error: ImageryError) -> None:
    job = word.call.job
    _again(job, _back(job), error, 0)
    if job.credential.pause(error.message):
        signals.send_on_commit(signals.credential_paused, credential=job.credential)


def _find_out(word: Word, error: ImageryError) -> None:
    _again(word.call.job, JobState.CHECKING, error, _GRACE)


def _later(word: Word, error: ImageryError) -> None:
    job = word.call.job
    if job.state == JobState.CHECKING and job.troubles >= _CHECK_TRIES:
        _stall(job, "outcome_unknown", f"Whether the provider accepted this could not be looked up: {error.message}")
        return
    wait = backoff(job.troubles)
    if isinstance(error, RateLimited):
        wait = error.retry_after or wait
        if error.code != "own_limit":
            rest = ProviderCredential.objects.filter(pk=job.credential_id)
            rest.update(resting_until=from_now(wait))
    _again(job, _back(job), error, wait)


_VERDICTS: dict[Verdict, Callable[[Word, ImageryError], None]] = {
    Verdict.AGAIN: _later,
    Verdict.PAUSE: _pause,
    Verdict.FAIL: _fail,
    Verdict.UNKNOWN: _find_out,
}


def _back(job: ProviderJob) -> JobState:
    """The state from which the same step is made again."""
    return JobState.QUEUED if job.state == JobState.SENDING else JobState(job.state)


def _again(job: ProviderJob, state: JobState, error: ImageryError, wait: float, **changes: Any) -> None:
    """Later, with the reason visible to whoever looks; being asked to slow down is no trouble."""
    troubles = job.troubles if isinstance(error, RateLimited) else F("troubles") + 1
    if _move(job, state, due_at=from_now(wait), troubles=troubles, note=error.message[:500], **changes):
        waiting = EnhancementItem.objects.filter(job=job, status=ItemStatus.PROCESSING)
        status = ItemStatus.QUEUED if state == JobState.QUEUED else ItemStatus.PROCESSING
        waiting.update(status=status, **reason(error))


def _stall(job: ProviderJob, code: str, message: str) -> None:
    if _move(job, JobState.STALLED, note=message[:500]):
        stall(job, code, message)


def _move(job: ProviderJob, state: JobState, **changes: Any) -> int:
    return ProviderJob.objects.held(job).update(state=state, **_FREE, **changes)


def look_now(credential: ProviderCredential, remote_ids: tuple[str, ...], job_uuid: str = "") -> int:
    """Bring forward the next look at running jobs: those named, or all of the credential's. Return how many."""
    open_jobs = ProviderJob.objects.filter(credential=credential, state__in=(JobState.RUNNING, JobState.CHECKING))
    if remote_ids:
        open_jobs = open_jobs.filter(remote_id__in=remote_ids)
    elif job_uuid:
        open_jobs = open_jobs.filter(uuid=job_uuid)
    return open_jobs.filter(due_at__gt=timezone.now()).update(due_at=Now())
