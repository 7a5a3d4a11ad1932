"""Changes that the end of a call makes to its job, items and account, if the job's lease is still held.

Nearly all calls end with ``Accepted`` or ``Finished``. These are written for many jobs in one transaction of a few
statements. An unusual result (an error, a missing picture, an id that is taken) is written alone, in the same way.
``finished`` and ``failures`` hold the changes after ``Finished`` and after errors.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeAlias, assert_never

from django.db import DatabaseError, IntegrityError, transaction
from django.utils.translation import gettext

from product_imagery.flows.guard import TRANSIENT, attempt, raise_if_away, with_retries
from product_imagery.flows.hosted import failures, lost
from product_imagery.flows.hosted.failures import end_bad, refuse, stall
from product_imagery.flows.hosted.finished import finish
from product_imagery.flows.hosted.held import held_results, jobs_of
from product_imagery.flows.hosted.values import CallResult
from product_imagery.flows.log_ids import ids_of_job
from product_imagery.flows.money import budgets
from product_imagery.models import EnhancementItem, ProviderCredential, ProviderJob, transitions
from product_imagery.models.case_by_pk import CaseByPk
from product_imagery.models.job import ABSENT
from product_imagery.provider_kit.outcomes import Accepted, Finished, NotAccepted, Refused, Running, Undecidable

_Accepted: TypeAlias = tuple[CallResult, Accepted]

logger = logging.getLogger("product_imagery")

_LOOK_AGAIN_SECONDS = 60.0  #: between two looks, as lists lag behind


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
        sentence = gettext(
            "The provider's response could not be written down; the log says why. Look there what became of it."
        )
        with suppress(DatabaseError), transaction.atomic():
            stall(job, "unrecordable", sentence)


def _apply(results: list[CallResult]) -> None:
    with transaction.atomic():
        ours = held_results(results)
        for result in results:
            result.job.credential.note_clock(result.call.ticket.skew)
        for credential in {result.job.credential for result in results if lost.is_create_known(result)}:
            credential.note_create_response()
        well = [result for result in ours if result.error is None]
        _accept([(result, result.outcome) for result in well if isinstance(result.outcome, Accepted)])
        finished = [(result, result.outcome) for result in well if isinstance(result.outcome, Finished)]
        _note_success(result for result, _ in finished)
        finish(finished)
        for result in ours:
            _apply_other(result)
        _note_digests(results)


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
        sentence = gettext("The provider responded with an id (%(remote_id)s) that belongs to another job already.") % {
            "remote_id": outcome.remote_id
        }
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
        if transitions.mark_accepted(jobs_of([result for result, _ in some]), ids, status, wait):
            accepted += some
    return accepted


def _keep_running(result: CallResult, outcome: Running) -> None:
    job = result.job
    job.credential.note_success()
    if failures.is_overdue(result):
        sentence = gettext(
            "The provider has been working on this for much longer than usual. Its last word: %(status)s."
        )
        stall(job, "overdue", sentence % {"status": outcome.status or gettext("none")})
    else:
        transitions.mark_running(ProviderJob.objects.held(job), outcome.status, outcome.check_after)


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
