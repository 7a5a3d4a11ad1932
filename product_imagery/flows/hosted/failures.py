"""Changes that an error at the end of a call makes to its job and its account."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils.translation import gettext

from product_imagery import signals
from product_imagery.exceptions import (
    ConfigurationError,
    ImageryError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from product_imagery.flows.hosted import lost
from product_imagery.flows.hosted.values import CallResult
from product_imagery.flows.jobs.rollup import end_items, keep_waiting, stall_items
from product_imagery.flows.money import budgets
from product_imagery.models import ProviderJob, transitions
from product_imagery.models.db_time import from_now
from product_imagery.provider_kit.outcomes import Refused
from product_imagery.provider_kit.refusals import WEB_PAGE
from product_imagery.provider_kit.retry import Verdict, backoff, may_retry
from product_imagery.states import ItemStatus, JobState

GRACE_SECONDS = 30.0  #: seconds before a lost create is looked up; it has arrived by then, if ever
_OWN_TRIES = 5  #: after errors of our own, as of a storage
_REFUSED_TRIES = 3  #: polls that are refused before a person is asked: servers may not agree yet
_PAGES = 3  #: consecutive web pages in place of responses before the account pauses
_QUOTE = re.compile("[“„«]")  #: begins the provider's own words in a sentence, in one language or another
_CHECK_TRIES = 30  #: look-ups, in about four hours


def apply_error(result: CallResult, error: ImageryError) -> None:
    """Apply an error to its job and account, inside the transaction of its result."""
    if isinstance(error, ProviderError):
        _VERDICTS[may_retry(error)](result, error)
        return
    job = result.job
    hopeless = isinstance(error, ConfigurationError) or not error.may_pass(job.consecutive_failures + 1, _OWN_TRIES + 1)
    if hopeless and job.state == JobState.SENDING:  # once accepted it may be paid for: no error of ours ends it
        refuse(result, Refused(error.code, error.message, error.detail))
    else:
        _step_again(job, error)


def refuse(result: CallResult, outcome: Refused) -> None:
    """Fail a job that the provider has refused, and settle or release its cost."""
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
    """Fail items that were not sent with the others. Costs are settled when the job ends."""
    for pk, error in result.bad.items():
        end_items([result.job], ItemStatus.FAILED, error, only=[pk])


def retry_later(job: ProviderJob, state: JobState, error: ImageryError, wait: float, **columns: Any) -> bool:
    """Move a job to ``state``, due in ``wait`` seconds, with a visible reason; false if its lease is lost.

    ``RateLimited`` does not count as a failure.
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
    """Leave a job and its open items to a person; false if its lease is lost."""
    if not transitions.mark_stalled(ProviderJob.objects.held(job), message, **columns):
        return False
    stall_items(job, code, message)
    return True


def is_overdue(result: CallResult) -> bool:
    """Say whether an accepted job has run for longer than the provider's deadline, by the database's clock."""
    begun = ProviderJob.objects.filter(pk=result.job.pk).annotate(begun=Coalesce("accepted_at", "created_at"))
    return begun.filter(begun__lt=from_now(-result.call.provider.deadline)).exists()


def _step_again(job: ProviderJob, error: ImageryError) -> None:
    retry_later(job, job.before_call, error, backoff(job.consecutive_failures))


def _fail(result: CallResult, error: ProviderError) -> None:
    """Fail a job whose create is refused. Repeat a refused poll, which proves nothing, and in the end ask a person."""
    job = result.job
    if job.state == JobState.SENDING:
        refuse(result, Refused(error.code, error.message, error.detail))
    elif job.consecutive_failures < _REFUSED_TRIES:
        _step_again(job, error)
    elif job.state == JobState.CHECKING:
        _stall_unknown(job, error)
    else:
        stall(
            job,
            "look_refused",
            gettext("The provider accepted this, but gives no account of it: %(message)s") % {"message": error.message},
        )


def _stall_unknown(job: ProviderJob, error: ProviderError) -> None:
    stall(
        job,
        "outcome_unknown",
        gettext("Whether the provider accepted this could not be looked up: %(message)s") % {"message": error.message},
    )


def _pause(result: CallResult, error: ProviderError) -> None:
    """Pause the account after a refused key, unless the refusal may be about this one call.

    Four responses, each with the job's state at the call::

        sending   401                       account paused; the create is queued again, or looked up if in doubt
        running   403                       about this job, which another key may have made: repeat, then a person
        running   401, first time           repeat: servers may not agree yet
        running   401, same sentence again  account paused, for polls as well
    """
    job = result.job
    if job.state == JobState.RUNNING and error.status == 403:
        _fail(result, error)  # not about the account
    elif job.state != JobState.SENDING and error.status is not None and not _is_repeated(job, error):
        _step_again(job, error)  # once is not enough
    else:
        _pause_credential(job, error)


def _is_repeated(job: ProviderJob, error: ProviderError) -> bool:
    """Say whether the poll before ended with the same sentence; the provider's own words (in quotes) may vary."""
    return job.consecutive_failures > 0 and _QUOTE.split(job.note)[0] == _QUOTE.split(error.message[:500])[0]


def _pause_credential(job: ProviderJob, error: ProviderError) -> None:
    """Pause the account. A create that the provider itself has not refused is looked up, even after a resume."""
    if job.state == JobState.SENDING and error.creating and not _is_refused(job, error):
        job.credential.note_lost_create(0.0)
        retry_later(job, JobState.CHECKING, error, GRACE_SECONDS)
    else:
        retry_later(job, job.before_call, error, 0)
    if job.credential.pause(error.message, stops_reads=job.state != JobState.SENDING, awaits_key=True):
        signals.send_on_commit(signals.credential_paused, credential=job.credential)


def _is_refused(job: ProviderJob, error: ProviderError) -> bool:
    """Say whether the create was surely not accepted: refused by the provider, or no API was ever at the address."""
    accepted = ProviderJob.objects.filter(credential=job.credential_id).exclude(remote_id="")
    return error.own or (error.absent and not accepted.exists())


def _find_out(result: CallResult, error: ProviderError) -> None:
    """Look a lost create up later, and slow the account down, as the next create may be lost as well."""
    job = result.job
    job.credential.slow_down()
    job.credential.note_lost_create(lost.pause_after(job, error))
    retry_later(job, JobState.CHECKING, error, GRACE_SECONDS)


def _later(result: CallResult, error: ProviderError) -> None:
    job = result.job
    if job.state == JobState.CHECKING and job.consecutive_failures >= _CHECK_TRIES:
        _stall_unknown(job, error)
    elif job.state == JobState.RUNNING and is_overdue(result):
        stall(
            job,
            "overdue",
            gettext("The provider accepted this long ago and gives no account of it: %(message)s")
            % {"message": error.message},
        )
    elif error.code == WEB_PAGE and job.state != JobState.SENDING and job.consecutive_failures >= _PAGES:
        _pause_credential(job, error)
    else:
        retry_later(job, job.before_call, error, _slowed_down(job, error))


def _slowed_down(job: ProviderJob, error: ProviderError) -> float:
    """Slow the account down where the error concerns all its calls; return seconds until the job's next try."""
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
