"""Update: the one place where a provider's word changes a job. Every write is fenced by the claim's token."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from product_imagery import signals
from product_imagery.exceptions import (
    ConfigurationError,
    FetchError,
    ImageryError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from product_imagery.flows import fetch, ledger, lost
from product_imagery.flows.guard import TRANSIENT, attempt, raise_if_away, with_retries
from product_imagery.flows.settle import end_items, reason, stall
from product_imagery.flows.track import Word
from product_imagery.flows.uncollected import waits_for_us
from product_imagery.models import EnhancementItem, ProviderCredential, ProviderJob
from product_imagery.models.clock import from_now
from product_imagery.models.job import ABSENT
from product_imagery.provider_kit.conversation import Accepted, Finished, NotAccepted, Refused, Running, Undecidable
from product_imagery.provider_kit.refusals import WEB_PAGE
from product_imagery.provider_kit.retry import Verdict, backoff, may_retry
from product_imagery.states import ItemStatus, JobState

logger = logging.getLogger("product_imagery")

_GRACE = 30.0  #: seconds before a lost create is looked up: what was on its way has arrived by then
_FETCH_TRIES = 8
_OWN_TRIES = 5  #: with our own storage
_REFUSED_TRIES = 3  #: a look may be refused because two servers of theirs do not agree yet
_PAGES = 3  #: web pages in the place of answers, one after the other, before the account pauses
_PICTURE_TRIES = 3  #: to read a finished job that shows no picture, or one that is not taken as things stand
_CHECK_TRIES = 30  #: about four hours of looking up
_EXPIRED = "The provider made this ({id}), but does not give the picture out any more. To send it again costs again."
_NO_PICTURE = FetchError("The provider finished without a picture for this product.", code="no_picture")


def record(word: Word) -> None:
    """Let a provider's word change its job, if the claim is still ours; otherwise the sweep clears what was stored.

    A word that cannot be written down in any way stalls its job, and takes neither its neighbours nor the worker with
    it. Raises ``DatabaseAway``, and nothing else: it may be written down when the database is back.
    """
    error = attempt(lambda: with_retries(partial(_record, word)))
    if error is None:
        return
    raise_if_away(error)
    logger.error("What became of job %s could not be written down.", word.call.job.pk, exc_info=error)
    if not isinstance(error, TRANSIENT):
        sentence = "The provider's answer could not be written down; the log says why. Look there what became of it."
        with suppress(DatabaseError), transaction.atomic():
            _stall(word.call.job, "unrecordable", sentence)


def _record(word: Word) -> None:
    with transaction.atomic():
        word.call.job.credential.note_clock(word.call.ticket.skew)
        if lost.is_answered(word):
            word.call.job.credential.note_create_answered()
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
    job.credential.went_well()
    if ours:
        _end_bad(word)
    if ours and outcome.balance is not None:
        ProviderCredential.objects.filter(pk=job.credential_id).update(balance=outcome.balance)
    if ours and outcome.reserved is not None:
        ledger.settle_cost(job, outcome.reserved)


def _end_bad(word: Word) -> None:
    """Items that were not sent with the others end; what the job costs is settled when it is done."""
    for pk, error in word.bad.items():
        end_items(word.call.job, ItemStatus.FAILED, error, only=[pk])


def _running(word: Word, outcome: Running) -> None:
    job = word.call.job
    job.credential.went_well()
    if _is_overdue(word):
        sentence = "The provider has been working on this for much longer than usual. Its last word: {}."
        _stall(job, "overdue", sentence.format(outcome.status or "none"))
        return
    wait = outcome.check_after
    _move(job, JobState.RUNNING, remote_status=outcome.status[:60], due_at=from_now(wait), troubles=0, note="")


def _is_overdue(word: Word) -> bool:
    """By the database's clock, which set the date: a worker's own may be wrong."""
    begun = ProviderJob.objects.filter(pk=word.call.job.pk).annotate(begun=Coalesce("accepted_at", "created_at"))
    return begun.filter(begun__lt=from_now(-word.call.provider.deadline)).exists()


def _finished(word: Word, outcome: Finished) -> None:
    job = word.call.job
    job.credential.went_well()
    refused = {failure.item_id: ImageryError(failure.message, code=failure.code) for failure in outcome.failures}
    done = {stored.picture.item_id for stored in word.pictures}
    unseen = {item.pk for item in word.call.items} - done - word.bad.keys() - refused.keys()
    ours = [error for error in word.bad.values() if waits_for_us(error)]
    over = outcome.expired and not ours
    passing = [error for error in word.bad.values() if error not in ours]
    tries = _FETCH_TRIES if passing else _PICTURE_TRIES if ours or unseen else 0
    if job.troubles < tries and not over:
        error = next(iter([*passing, *ours]), _NO_PICTURE)
        if _again(job, JobState.RUNNING, error, backoff(job.troubles), collectable=True):
            _keep(word, done)  # it may be gone there when the others are asked for again
        return
    if not done and word.bad and (over or all(error.code == "gone" for error in word.bad.values())):
        if _stall(job, "result_expired", _EXPIRED.format(id=job.remote_id or "no id")):
            ledger.settle_cost(job, outcome.cost)
        return
    state = JobState.DONE if done else JobState.FAILED
    left = {
        "collectable": bool(word.bad or unseen) and not over,
        "remote_status": outcome.status[:60],
        "note": "",
    }
    named = (
        ProviderJob.objects.unknown(job.provider, outcome.remote_id) if done else ""
    )  # else it is read by its address
    if not _move(job, state, finished_at=Now(), remote_id=job.remote_id or named, **left):
        return
    ledger.settle_cost(job, outcome.cost)
    _keep(word, done)
    for item in word.call.items:
        if item.pk not in done:
            error = refused.get(item.pk) or word.bad.get(item.pk) or _NO_PICTURE
            end_items(job, ItemStatus.FAILED, error, only=[item.pk])


def _keep(word: Word, done: set[int]) -> None:
    """Write down the pictures that were fetched, whose items end with them."""
    fetch.write_down(word.call.job, [item for item in word.call.items if item.pk in done], word.pictures)
    for pk in done:
        end_items(word.call.job, ItemStatus.COMPLETED, only=[pk])


def _refused(word: Word, outcome: Refused) -> None:
    job = word.call.job
    if _move(job, JobState.FAILED, finished_at=Now()):
        _end_bad(word)
        if outcome.charged:
            ledger.settle_cost(job, None)
        else:
            ledger.release([job])
        end_items(job, ItemStatus.FAILED, ImageryError(outcome.message, code=outcome.code, detail=outcome.detail))


def _not_accepted(word: Word, outcome: NotAccepted) -> None:
    job = word.call.job
    if outcome.certain or job.remembered.get(ABSENT):
        kept = lost.without_looks(job)
        _move(job, JobState.QUEUED, due_at=Now(), remembered=kept, intent=None, intent_at=None, troubles=0)
    else:  # lists lag behind: absent is what is absent twice
        _check_later(job, {**job.remembered, ABSENT: "1"})


def _undecidable(word: Word, outcome: Undecidable) -> None:
    job = word.call.job
    unknown = lost.unknown_candidates(job, outcome)
    if not unknown and (outcome.whole or lost.is_whole(job, outcome.listed)):
        _not_accepted(word, NotAccepted())
    elif remembered := lost.worth_another_look(job, outcome, unknown):
        _check_later(job, remembered)
    else:
        job.remembered = lost.with_candidates(job, unknown)
        _stall(job, "outcome_unknown", lost.question(job, outcome, unknown), remembered=job.remembered)


def _check_later(job: ProviderJob, remembered: dict[str, str]) -> None:
    _move(job, JobState.CHECKING, due_at=from_now(2 * _GRACE), remembered=remembered)


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
    hopeless = isinstance(error, ConfigurationError) or not error.may_pass(job.troubles + 1, _OWN_TRIES + 1)
    if hopeless and job.state == JobState.SENDING:  # later on something is paid for: our own trouble never ends it
        _refused(word, Refused(error.code, error.message, error.detail))
    else:
        _again(job, job.before_call, error, backoff(job.troubles))


def _fail(word: Word, error: ProviderError) -> None:
    """A create that is refused has failed. A refused look says nothing about the work: a person finds out."""
    job = word.call.job
    if job.state == JobState.SENDING:
        _refused(word, Refused(error.code, error.message, error.detail))
    elif job.troubles < _REFUSED_TRIES:
        _again(job, job.before_call, error, backoff(job.troubles))
    elif job.state == JobState.CHECKING:
        _stall(job, "outcome_unknown", f"Whether the provider accepted this could not be looked up: {error.message}")
    else:
        _stall(job, "look_refused", f"The provider accepted this, but gives no account of it: {error.message}")


def _pause(word: Word, error: ProviderError) -> None:
    job = word.call.job
    if job.state == JobState.RUNNING and error.status == 403:
        _fail(word, error)  # of this job, which another key may have made: the account may be as good as before
    elif job.state != JobState.SENDING and error.status is not None and not _said_before(job, error):
        _again(job, job.before_call, error, backoff(job.troubles))  # one bad look stops nobody: it is made once more
    else:
        _pause_account(job, error)


def _said_before(job: ProviderJob, error: ProviderError) -> bool:
    """Whether the look before ended with the same sentence; the provider's words in it may vary."""
    return job.troubles > 0 and job.note.partition("“")[0] == error.message[:500].partition("“")[0]


def _pause_account(job: ProviderJob, error: ProviderError) -> None:
    """Pause the account. A create that was not refused by the provider itself is looked up, also after it resumes."""
    if job.state == JobState.SENDING and error.creating and not _is_refused(job, error):
        job.credential.note_lost_create(0.0)
        _again(job, JobState.CHECKING, error, _GRACE)
    else:
        _again(job, job.before_call, error, 0)
    if job.credential.pause(error.message, stops_reads=job.state != JobState.SENDING, awaits_key=True):
        signals.send_on_commit(signals.credential_paused, credential=job.credential)


def _is_refused(job: ProviderJob, error: ProviderError) -> bool:
    """Whether nothing was accepted: the provider says so, or nothing ever was, and there is no API at the address."""
    accepted = ProviderJob.objects.filter(credential=job.credential_id).exclude(remote_id="")
    return error.own or (error.absent and not accepted.exists())


def _find_out(word: Word, error: ProviderError) -> None:
    """What became of a create is looked up later. The account slows down: the next one may be lost as well."""
    job = word.call.job
    job.credential.slow_down()
    job.credential.note_lost_create(lost.pause_after(job, error))
    _again(job, JobState.CHECKING, error, _GRACE)


def _later(word: Word, error: ProviderError) -> None:
    job = word.call.job
    if job.state == JobState.CHECKING and job.troubles >= _CHECK_TRIES:
        _stall(job, "outcome_unknown", f"Whether the provider accepted this could not be looked up: {error.message}")
        return
    if job.state == JobState.RUNNING and _is_overdue(word):
        _stall(job, "overdue", f"The provider accepted this long ago and gives no account of it: {error.message}")
        return
    if error.code == WEB_PAGE and job.state != JobState.SENDING and job.troubles >= _PAGES:
        _pause_account(job, error)
        return
    wait = backoff(job.troubles)
    if isinstance(error, RateLimited):
        wait = error.retry_after or backoff(job.credential.troubles, most=900.0)
        if error.code != "own_limit":
            job.credential.slow_down(wait)
    elif isinstance(error, ProviderUnavailable) or error.code == "no_connection":
        job.credential.slow_down()
    _again(job, job.before_call, error, wait)


_VERDICTS: dict[Verdict, Callable[[Word, ProviderError], None]] = {
    Verdict.AGAIN: _later,
    Verdict.PAUSE: _pause,
    Verdict.FAIL: _fail,
    Verdict.UNKNOWN: _find_out,
}


def _again(job: ProviderJob, state: JobState, error: ImageryError, wait: float, **changes: Any) -> bool:
    """Later, with the reason visible to whoever looks; being asked to slow down is no trouble. Whether it was ours."""
    troubles = job.troubles if isinstance(error, RateLimited) else F("troubles") + 1
    ours = bool(_move(job, state, due_at=from_now(wait), troubles=troubles, note=error.message[:500], **changes))
    if ours:
        waiting = EnhancementItem.objects.filter(job=job, status=ItemStatus.PROCESSING)
        status = ItemStatus.QUEUED if state == JobState.QUEUED else ItemStatus.PROCESSING
        waiting.update(status=status, **reason(error))
    return ours


def _stall(job: ProviderJob, code: str, message: str, **changes: Any) -> bool:
    ours = bool(_move(job, JobState.STALLED, note=message[:500], **changes))
    if ours:
        stall(job, code, message)
    return ours


def _move(job: ProviderJob, state: JobState, **changes: Any) -> int:
    return ProviderJob.objects.held(job).let_go(state, **changes)
