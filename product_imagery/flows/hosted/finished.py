"""Endings of jobs that are finished at their provider: pictures kept, missing ones fetched later, costs settled."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypeAlias

from django.utils.translation import gettext, gettext_noop

from product_imagery.exceptions import FetchError, ImageryError
from product_imagery.flows.hosted.failures import retry_later, stall
from product_imagery.flows.hosted.held import jobs_of
from product_imagery.flows.hosted.values import CallResult
from product_imagery.flows.jobs.rollup import end_items
from product_imagery.flows.money import budgets
from product_imagery.flows.results.record import record_results
from product_imagery.flows.results.uncollected import waits_for_us
from product_imagery.models import ProviderJob, transitions
from product_imagery.models.case_by_pk import CaseByPk
from product_imagery.provider_kit.outcomes import Finished
from product_imagery.provider_kit.retry import backoff
from product_imagery.states import ItemStatus, JobState

_Finished: TypeAlias = tuple[CallResult, Finished]

_FETCH_TRIES = 8
_PICTURE_TRIES = 3  #: of a finished job without a picture, or with one that we cannot store at present
_EXPIRED = gettext_noop(
    "The provider made this (%(id)s), but does not give the picture out any more. To send it again costs again."
)


def finish(results: list[_Finished]) -> None:
    """End jobs that are finished at the provider, or have missing pictures fetched later, or ask a person.

    A job of two pictures, of which the second cannot be fetched at first::

        first poll    finished; picture 1 stored, picture 2 timed out    _collect_later: item 1 completed, job running
        second poll   finished; picture 2 stored                         _end: job done, cost settled
        or: ninth poll, still no picture 2                               _end: job done, item 2 failed, collectable
        or: both pictures missing and expired there                      _stall_expired: a person decides
    """
    ready = [
        (result, outcome)
        for result, outcome in results
        if not (_collect_later(result, outcome) or _stall_expired(result, outcome))
    ]
    _end([one for one in ready if one[0].collected], JobState.DONE)
    _end([one for one in ready if not one[0].collected], JobState.FAILED)


def _collect_later(result: CallResult, outcome: Finished) -> bool:
    """Have missing pictures fetched by a later poll, if that may help; return whether it is so.

    Stored ones are written down now: the provider may delete its copies.
    """
    job, known = result.job, result.collected | result.bad.keys() | _refused(outcome).keys()
    ours = [error for error in result.bad.values() if waits_for_us(error)]
    passing = [error for error in result.bad.values() if error not in ours]
    is_missing = any(item.pk not in known for item in result.call.items)
    tries = _FETCH_TRIES if passing else _PICTURE_TRIES if ours or is_missing else 0
    if job.consecutive_failures >= tries or _is_over(result, outcome):
        return False
    error = next(iter([*passing, *ours]), _no_picture())
    if retry_later(job, JobState.RUNNING, error, backoff(job.consecutive_failures), collectable=True):
        _keep_pictures([result])
    return True


def _is_over(result: CallResult, outcome: Finished) -> bool:
    """Say whether the pictures have expired at the provider, and no error of our own is among the reasons."""
    return outcome.expired and not any(map(waits_for_us, result.bad.values()))


def _stall_expired(result: CallResult, outcome: Finished) -> bool:
    """Leave a job to a person where all its pictures were made and all have expired; return whether it is so."""
    job, bad = result.job, result.bad.values()
    gone = _is_over(result, outcome) or all(error.code == "gone" for error in bad)
    if result.collected or not bad or not gone:
        return False
    if stall(job, "result_expired", gettext(_EXPIRED) % {"id": job.remote_id or "no id"}):
        budgets.settle_and_save([(job, outcome.cost)])
    return True


def _end(results: list[_Finished], state: JobState) -> None:
    """End jobs: items whose pictures are stored are completed, the others failed."""
    ended = _mark_ended(results, state)
    if not ended:
        return
    budgets.settle_and_save([(result.job, outcome.cost) for result, outcome in ended])
    _keep_pictures([result for result, _ in ended])
    for result, outcome in ended:
        refused = _refused(outcome)
        for item in result.call.items:
            if item.pk not in result.collected:
                error = refused.get(item.pk) or result.bad.get(item.pk) or _no_picture()
                end_items([result.job], ItemStatus.FAILED, error, only=[item.pk])


def _mark_ended(results: list[_Finished], state: JobState) -> list[_Finished]:
    mark = transitions.mark_done if state == JobState.DONE else transitions.mark_failed
    alike: dict[tuple[str, bool], list[_Finished]] = defaultdict(list)
    for result, outcome in results:
        known = result.collected | _refused(outcome).keys()
        is_left = any(item.pk not in known for item in result.call.items)
        alike[outcome.status[:60], is_left and not _is_over(result, outcome)].append((result, outcome))
    ended = []
    for (status, collectable), some in alike.items():
        columns: dict[str, Any] = {"remote_status": status, "collectable": collectable, "note": ""}
        names = _names(some) if state == JobState.DONE else {}  # a failed one is read by its address
        if names:
            columns["remote_id"] = CaseByPk(ProviderJob, "remote_id", names)
        if mark(jobs_of([result for result, _ in some]), **columns):
            ended += some
    return ended


def _names(results: list[_Finished]) -> dict[int, str]:
    """Return the ids of jobs by key, if one of them learned its id with its picture; else an empty dict."""
    if not any(outcome.remote_id and not result.job.remote_id for result, outcome in results):
        return {}
    unknown = ProviderJob.objects.unknown
    return {
        result.job.pk: result.job.remote_id or unknown(result.job.provider, outcome.remote_id)
        for result, outcome in results
    }


def _refused(outcome: Finished) -> dict[int, ImageryError]:
    return {failure.item_id: ImageryError(failure.message, code=failure.code) for failure in outcome.failures}


def _keep_pictures(results: list[CallResult]) -> None:
    """Write down fetched pictures, and complete their items."""
    done = [
        (result.job, [item for item in result.call.items if item.pk in result.collected], result.pictures)
        for result in results
        if result.collected
    ]
    if not done:
        return
    record_results(done)
    completed = [item.pk for _, items, _ in done for item in items]
    end_items([job for job, _, _ in done], ItemStatus.COMPLETED, only=completed)


def _no_picture() -> FetchError:
    return FetchError(gettext("The provider finished without a picture for this product."), code="no_picture")
