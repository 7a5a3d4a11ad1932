"""Changes that the end of a call makes to its job, items and account, if the job's lease is still held.

Nearly all calls end with ``Accepted`` or ``Finished``. These are written for many jobs in one transaction of a few
statements. An unusual result (an error, a missing picture, an id that is taken) is written alone, in the same way.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias, assert_never

from django.db import DatabaseError, IntegrityError, transaction

from product_imagery.exceptions import FetchError, ImageryError
from product_imagery.flows.guard import TRANSIENT, attempt, raise_if_away, with_retries
from product_imagery.flows.hosted import failures, lost
from product_imagery.flows.hosted.failures import end_bad, refuse, retry_later, stall
from product_imagery.flows.hosted.values import CallResult
from product_imagery.flows.jobs.rollup import end_items
from product_imagery.flows.log_ids import ids_of_job
from product_imagery.flows.money import budgets
from product_imagery.flows.results.record import record_results
from product_imagery.flows.results.uncollected import waits_for_us
from product_imagery.models import EnhancementItem, ProviderCredential, ProviderJob, transitions
from product_imagery.models.case_by_pk import CaseByPk
from product_imagery.models.job import ABSENT, JobQuerySet
from product_imagery.provider_kit.outcomes import Accepted, Finished, NotAccepted, Refused, Running, Undecidable
from product_imagery.provider_kit.retry import backoff
from product_imagery.states import ItemStatus, JobState

_Accepted: TypeAlias = tuple[CallResult, Accepted]
_Finished: TypeAlias = tuple[CallResult, Finished]

logger = logging.getLogger("product_imagery")

_FETCH_TRIES = 8
_PICTURE_TRIES = 3  #: of a finished job without a picture, or with one that we cannot store at present
_LOOK_AGAIN_SECONDS = 60.0  #: between two looks, as lists lag behind
_EXPIRED = "The provider made this ({id}), but does not give the picture out any more. To send it again costs again."
_NO_PICTURE = FetchError("The provider finished without a picture for this product.", code="no_picture")


def apply_all(results: Sequence[CallResult]) -> None:
    """Write down the results of calls, each if the lease of its job is still held.

    Files of the others are deleted later. A result that cannot be written at all stalls its job, without effect on
    other jobs. Raises ``DatabaseAway`` and nothing else; may be repeated.
    """
    together = {result for result in results if _is_usual(result)}
    if len(together) < 2 or not _apply_together(list(together)):
        together = set()
    for result in results:
        if result not in together:
            _apply_alone(result)


def _is_usual(result: CallResult) -> bool:
    if result.error is not None or result.bad:
        return False
    if isinstance(result.outcome, Finished):
        return result.collected == {item.pk for item in result.call.items}
    return isinstance(result.outcome, Accepted)


def _apply_together(results: list[CallResult]) -> bool:
    try:
        _apply(results)
    except (DatabaseError, ValueError):  # because of one of them: each is written alone
        ids = {"jobs": [result.job.pk for result in results]}
        logger.warning("Results of calls could not be written down together.", exc_info=True, extra=ids)
        return False
    return True


def _apply_alone(result: CallResult) -> None:
    error = attempt(lambda: with_retries(partial(_apply, [result])))
    if error is None:
        return
    raise_if_away(error)
    job = result.job
    logger.error("The result of job %s could not be written down.", job.pk, exc_info=error, extra=ids_of_job(job))
    if not isinstance(error, TRANSIENT):
        sentence = "The provider's response could not be written down; the log says why. Look there what became of it."
        with suppress(DatabaseError), transaction.atomic():
            stall(job, "unrecordable", sentence)


def _apply(results: list[CallResult]) -> None:
    with transaction.atomic():
        ours = _held(results)
        for result in results:
            result.job.credential.note_clock(result.call.ticket.skew)
        for credential in {result.job.credential for result in results if lost.is_create_known(result)}:
            credential.note_create_response()
        well = [result for result in ours if result.error is None]
        _accept([(result, result.outcome) for result in well if isinstance(result.outcome, Accepted)])
        _finish([(result, result.outcome) for result in well if isinstance(result.outcome, Finished)])
        for result in ours:
            _apply_other(result)
        _note_digests(results)


def _held(results: list[CallResult]) -> list[CallResult]:
    """Return results whose leases are held, their jobs locked. The update of a single result checks that by itself."""
    if len(results) == 1:
        return results
    held = ProviderJob.objects.is_held([result.job for result in results])
    return [result for result in results if result.job.pk in held]


def _jobs(results: Sequence[CallResult]) -> JobQuerySet:
    if len(results) == 1:
        return ProviderJob.objects.held(results[0].job)
    return ProviderJob.objects.filter(pk__in=[result.job.pk for result in results])


def _apply_other(result: CallResult) -> None:
    """Apply an unusual outcome or error; do nothing for a usual one."""
    if result.error is not None:
        failures.apply_error(result, result.error)
        return
    match result.outcome:
        case Accepted() | Finished() | None:
            pass
        case Running() as outcome:
            _keep_running(result, outcome)
        case Refused() as outcome:
            refuse(result, outcome)
        case NotAccepted() as outcome:
            _send_again(result.job, certain=outcome.certain)
        case Undecidable() as outcome:
            _look_again(result.job, outcome)
        case outcome:
            assert_never(outcome)


def _note_digests(results: Iterable[CallResult]) -> None:
    found = {
        item.pk: result.digests[item.pk]
        for result in results
        for item in result.call.items
        if item.pk in result.digests and not item.source_digest
    }
    if found:
        digests = CaseByPk(EnhancementItem, "source_digest", found)
        EnhancementItem.objects.filter(pk__in=found, source_digest="").update(source_digest=digests)


def _note_success(results: Iterable[CallResult]) -> None:
    for credential in {result.job.credential for result in results}:
        credential.note_success()


def _accept(results: list[_Accepted]) -> None:
    if not results:
        return
    try:
        with transaction.atomic():
            accepted = _mark_accepted(results)
    except IntegrityError:
        if len(results) > 1:  # each alone shows which id it is
            raise
        ((result, outcome),) = results
        sentence = f"The provider responded with an id ({outcome.remote_id}) that belongs to another job already."
        stall(result.job, "id_taken", sentence)
        return
    _note_success(result for result, _ in results)
    for result, _ in accepted:
        end_bad(result)
    balances = {result.job.credential_id: end.balance for result, end in accepted if end.balance is not None}
    for pk, balance in balances.items():
        ProviderCredential.objects.filter(pk=pk).update(balance=balance)
    budgets.settle_and_save(
        [(result.job, outcome.reserved) for result, outcome in accepted if outcome.reserved is not None]
    )


def _mark_accepted(results: list[_Accepted]) -> list[_Accepted]:
    """Mark jobs as accepted, with one update for all that differ in their ids only; return those that were ours."""
    alike: dict[tuple[str, float], list[_Accepted]] = defaultdict(list)
    for result, outcome in results:
        alike[outcome.status[:60], outcome.check_after].append((result, outcome))
    accepted = []
    for (status, wait), some in alike.items():
        ids = CaseByPk(ProviderJob, "remote_id", {result.job.pk: outcome.remote_id for result, outcome in some})
        if transitions.mark_accepted(_jobs([result for result, _ in some]), ids, status, wait):
            accepted += some
    return accepted


def _keep_running(result: CallResult, outcome: Running) -> None:
    job = result.job
    job.credential.note_success()
    if failures.is_overdue(result):
        sentence = "The provider has been working on this for much longer than usual. Its last word: {}."
        stall(job, "overdue", sentence.format(outcome.status or "none"))
    else:
        transitions.mark_running(ProviderJob.objects.held(job), outcome.status, outcome.check_after)


def _finish(results: list[_Finished]) -> None:
    """End jobs that are finished at the provider, or have missing pictures fetched later, or ask a person.

    A job of two pictures, of which the second cannot be fetched at first::

        first poll    finished; picture 1 stored, picture 2 timed out    _collect_later: item 1 completed, job running
        second poll   finished; picture 2 stored                         _end: job done, cost settled
        or: ninth poll, still no picture 2                               _end: job done, item 2 failed, collectable
        or: both pictures missing and expired there                      _stall_expired: a person decides
    """
    _note_success(result for result, _ in results)
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
    error = next(iter([*passing, *ours]), _NO_PICTURE)
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
    if stall(job, "result_expired", _EXPIRED.format(id=job.remote_id or "no id")):
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
                error = refused.get(item.pk) or result.bad.get(item.pk) or _NO_PICTURE
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
        if mark(_jobs([result for result, _ in some]), **columns):
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


def _send_again(job: ProviderJob, *, certain: bool) -> None:
    """Queue a create again that the provider does not have. As lists lag behind, it has to be absent twice."""
    held = ProviderJob.objects.held(job)
    if certain or job.remembered.get(ABSENT):
        remembered = lost.without_looks(job)
        transitions.requeue(held, remembered=remembered, intent=None, intent_at=None, consecutive_failures=0)
    else:
        transitions.mark_checking(held, _LOOK_AGAIN_SECONDS, remembered={**job.remembered, ABSENT: "1"})


def _look_again(job: ProviderJob, outcome: Undecidable) -> None:
    """Continue after a look that left the outcome of a create open: send, look once more, or ask a person."""
    unknown = lost.unknown_candidates(job, outcome)
    if not unknown and (outcome.whole or lost.is_whole(job, outcome.listed)):
        _send_again(job, certain=False)
    elif remembered := lost.worth_another_look(job, outcome, unknown):
        transitions.mark_checking(ProviderJob.objects.held(job), _LOOK_AGAIN_SECONDS, remembered=remembered)
    else:
        job.remembered = lost.with_candidates(job, unknown)
        stall(job, "outcome_unknown", lost.question(job, outcome, unknown), remembered=job.remembered)
