"""Failures: what an error that ended a call changes of its job and its account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import F
from django.db.models.functions import Coalesce

from product_imagery import signals
from product_imagery.exceptions import (
    ConfigurationError,
    ImageryError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from product_imagery.flows.hosted import lost
from product_imagery.flows.hosted.calls import CallResult
from product_imagery.flows.jobs.rollup import end_items, keep_waiting, stall_items
from product_imagery.flows.money import budgets
from product_imagery.models import ProviderJob, transitions
from product_imagery.models.db_time import from_now
from product_imagery.provider_kit.outcomes import Refused
from product_imagery.provider_kit.refusals import WEB_PAGE
from product_imagery.provider_kit.retry import Verdict, backoff, may_retry
from product_imagery.states import ItemStatus, JobState

_GRACE = 30.0  #: seconds before a lost create is looked up: what was on its way has arrived by then
_OWN_TRIES = 5  #: with our own storage
_REFUSED_TRIES = 3  #: a look may be refused because two servers of theirs do not agree yet
_PAGES = 3  #: web pages in the place of responses, one after the other, before the account pauses
_CHECK_TRIES = 30  #: about four hours of looking up


def apply_error(result: CallResult, error: ImageryError) -> None:
    """Write down an error, inside the transaction of its result."""
    if isinstance(error, ProviderError):
        _VERDICTS[may_retry(error)](result, error)
        return
    job = result.job
    hopeless = isinstance(error, ConfigurationError) or not error.may_pass(job.consecutive_failures + 1, _OWN_TRIES + 1)
    if hopeless and job.state == JobState.SENDING:  # later on something is paid for: our own trouble never ends it
        refuse(result, Refused(error.code, error.message, error.detail))
    else:
        _step_again(job, error)


def refuse(result: CallResult, outcome: Refused) -> None:
    """End a job that the provider has refused."""
    job = result.job
    if not transitions.mark_failed(ProviderJob.objects.held(job)):
        return
    end_bad(result)
    if outcome.charged:
        budgets.settle_and_save([(job, None)])
    else:
        budgets.release([job])
    end_items([job], ItemStatus.FAILED, ImageryError(outcome.message, code=outcome.code, detail=outcome.detail))


def end_bad(result: CallResult) -> None:
    """End items that were not sent with the others; what the job costs is settled when it is done."""
    for pk, error in result.bad.items():
        end_items([result.job], ItemStatus.FAILED, error, only=[pk])


def retry_later(job: ProviderJob, state: JobState, error: ImageryError, wait: float, **columns: Any) -> bool:
    """Bring a job to ``state`` to be tried again in ``wait`` seconds, with the reason visible; false if not ours.

    Being asked to slow down does not count as a failure.
    """
    consecutive_failures = job.consecutive_failures if isinstance(error, RateLimited) else F("consecutive_failures") + 1
    held = ProviderJob.objects.held(job)
    if not transitions.retry_later(
        held, state, wait, error.message, consecutive_failures=consecutive_failures, **columns
    ):
        return False
    keep_waiting(job, state, error)
    return True


def stall(job: ProviderJob, code: str, message: str, **columns: Any) -> bool:
    """Leave a job and its open items to a person; false if its lease is not ours."""
    if not transitions.mark_stalled(ProviderJob.objects.held(job), message, **columns):
        return False
    stall_items(job, code, message)
    return True


def is_overdue(result: CallResult) -> bool:
    """Say whether an accepted job takes too long, by the database's clock, which set the date."""
    begun = ProviderJob.objects.filter(pk=result.job.pk).annotate(begun=Coalesce("accepted_at", "created_at"))
    return begun.filter(begun__lt=from_now(-result.call.provider.deadline)).exists()


def _step_again(job: ProviderJob, error: ImageryError) -> None:
    retry_later(job, job.before_call, error, backoff(job.consecutive_failures))


def _fail(result: CallResult, error: ProviderError) -> None:
    """End a create that is refused. A refused poll says nothing about the work: a person finds out."""
    job = result.job
    if job.state == JobState.SENDING:
        refuse(result, Refused(error.code, error.message, error.detail))
    elif job.consecutive_failures < _REFUSED_TRIES:
        _step_again(job, error)
    elif job.state == JobState.CHECKING:
        _stall_unknown(job, error)
    else:
        stall(job, "look_refused", f"The provider accepted this, but gives no account of it: {error.message}")


def _stall_unknown(job: ProviderJob, error: ProviderError) -> None:
    stall(job, "outcome_unknown", f"Whether the provider accepted this could not be looked up: {error.message}")


def _pause(result: CallResult, error: ProviderError) -> None:
    job = result.job
    if job.state == JobState.RUNNING and error.status == 403:
        _fail(result, error)  # of this job, which another key may have made: the account may be as good as before
    elif job.state != JobState.SENDING and error.status is not None and not _is_repeated(job, error):
        _step_again(job, error)  # one bad look stops nobody: it is made once more
    else:
        _pause_account(job, error)


def _is_repeated(job: ProviderJob, error: ProviderError) -> bool:
    """Say whether the look before ended with the same sentence; the provider's words in it may vary."""
    return job.consecutive_failures > 0 and job.note.partition("“")[0] == error.message[:500].partition("“")[0]


def _pause_account(job: ProviderJob, error: ProviderError) -> None:
    """Pause the account. A create that was not refused by the provider itself is looked up, also after it resumes."""
    if job.state == JobState.SENDING and error.creating and not _is_refused(job, error):
        job.credential.note_lost_create(0.0)
        retry_later(job, JobState.CHECKING, error, _GRACE)
    else:
        retry_later(job, job.before_call, error, 0)
    if job.credential.pause(error.message, stops_reads=job.state != JobState.SENDING, awaits_key=True):
        signals.send_on_commit(signals.credential_paused, credential=job.credential)


def _is_refused(job: ProviderJob, error: ProviderError) -> bool:
    """Say whether nothing was accepted: the provider says so, or nothing ever was and no API is at the address."""
    accepted = ProviderJob.objects.filter(credential=job.credential_id).exclude(remote_id="")
    return error.own or (error.absent and not accepted.exists())


def _find_out(result: CallResult, error: ProviderError) -> None:
    """Look a lost create up later. The account slows down: the next one may be lost as well."""
    job = result.job
    job.credential.slow_down()
    job.credential.note_lost_create(lost.pause_after(job, error))
    retry_later(job, JobState.CHECKING, error, _GRACE)


def _later(result: CallResult, error: ProviderError) -> None:
    job = result.job
    if job.state == JobState.CHECKING and job.consecutive_failures >= _CHECK_TRIES:
        _stall_unknown(job, error)
    elif job.state == JobState.RUNNING and is_overdue(result):
        stall(job, "overdue", f"The provider accepted this long ago and gives no account of it: {error.message}")
    elif error.code == WEB_PAGE and job.state != JobState.SENDING and job.consecutive_failures >= _PAGES:
        _pause_account(job, error)
    else:
        retry_later(job, job.before_call, error, _slowed_down(job, error))


def _slowed_down(job: ProviderJob, error: ProviderError) -> float:
    """Slow the account down where the error concerns all its calls; return the seconds until the job's next try."""
    wait = backoff(job.consecutive_failures)
    if isinstance(error, RateLimited):
        wait = error.retry_after or backoff(job.credential.consecutive_failures, most=900.0)
        if error.code != "own_limit":
            job.credential.slow_down(wait)
    elif isinstance(error, ProviderUnavailable) or error.code == "no_connection":
        job.credential.slow_down()
    return wait


_VERDICTS: dict[Verdict, Callable[[CallResult, ProviderError], None]] = {
    Verdict.AGAIN: _later,
    Verdict.PAUSE: _pause,
    Verdict.FAIL: _fail,
    Verdict.UNKNOWN: _find_out,
}
