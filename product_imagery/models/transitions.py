"""Transitions: the only writer of the states of jobs, items, enhancements and results.

Each function makes one conditional ``UPDATE`` and returns the number of updated rows. The queryset that it is given
selects the rows that the caller may change, such as ``ProviderJob.objects.held(job)``; the edges below select those in
a state from which the transition exists. Zero rows mean that somebody else was faster: the caller then writes nothing
else that belongs to the transition::

    worker A: response to the create of job 7           worker B: the lease of job 7 has expired
    held(job): state sending, token a                   mark_checking(abandoned)          ->  1
    mark_accepted(held(job), …)  ->  0                  acquire: state checking, token b
    A writes no item, no cost, no event                 mark_accepted(held(job), …)       ->  1
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from product_imagery.exceptions import ImageryError
from product_imagery.models.db_time import from_now
from product_imagery.states import (
    ENDED_ITEMS,
    ENDED_JOBS,
    OPEN_ITEMS,
    EnhancementStatus,
    ItemStatus,
    JobState,
    Publication,
    Review,
)

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from product_imagery.models.enhancement import EnhancementQuerySet, ItemQuerySet
    from product_imagery.models.job import JobQuerySet
    from product_imagery.models.result import ResultQuerySet

_J, _I, _P, _R = JobState, ItemStatus, Publication, Review

#: The former states of each new state. ``docs/how-a-job-travels.md`` explains each transition.
JOB_EDGES: Mapping[JobState, tuple[JobState, ...]] = {
    _J.QUEUED: (_J.SENDING, _J.CHECKING, _J.STALLED, *ENDED_JOBS),
    _J.SENDING: (_J.QUEUED,),
    _J.CHECKING: (_J.SENDING, _J.CHECKING, _J.STALLED),
    _J.RUNNING: (_J.SENDING, _J.CHECKING, _J.RUNNING, _J.STALLED, *ENDED_JOBS),
    _J.DONE: (_J.SENDING, _J.CHECKING, _J.RUNNING),
    _J.FAILED: (_J.SENDING, _J.CHECKING, _J.RUNNING, _J.STALLED),
    _J.CANCELLED: (_J.QUEUED,),
    _J.STALLED: (_J.SENDING, _J.CHECKING, _J.RUNNING),
}
ITEM_EDGES: Mapping[ItemStatus, tuple[ItemStatus, ...]] = {
    _I.QUEUED: (_I.PROCESSING, _I.STALLED, *ENDED_ITEMS),
    _I.PROCESSING: (_I.QUEUED, _I.STALLED),
    _I.COMPLETED: OPEN_ITEMS,
    _I.FAILED: OPEN_ITEMS,
    _I.CANCELLED: OPEN_ITEMS,
    _I.STALLED: OPEN_ITEMS,
}
REVIEW_EDGES: Mapping[Review, tuple[Review, ...]] = {
    _R.PENDING: (_R.APPROVED, _R.REJECTED),
    _R.APPROVED: (_R.PENDING,),
    _R.REJECTED: (_R.PENDING,),
}
PUBLICATION_EDGES: Mapping[Publication, tuple[Publication, ...]] = {
    _P.NONE: (_P.WAITING, _P.PUBLISHED, _P.CONFLICT, _P.RESTORED),
    _P.WAITING: (_P.NONE, _P.PUBLISHED, _P.CONFLICT, _P.RESTORED),
    _P.PUBLISHED: (_P.NONE, _P.WAITING, _P.CONFLICT, _P.RESTORED),
    _P.CONFLICT: (_P.WAITING,),
    _P.RESTORED: (_P.NONE, _P.WAITING, _P.PUBLISHED, _P.CONFLICT),
}

#: empty columns for the reason why an item failed, waits or is stalled
NO_REASON = {"error_code": "", "error_message": "", "error_detail": ""}


def reason_columns(error: ImageryError | None) -> dict[str, str]:
    """Return the columns of an item for the reason, cut to their lengths; empty without an error."""
    if error is None:
        return NO_REASON
    return {"error_code": error.code[:60], "error_message": error.message[:500], "error_detail": error.detail[:4000]}


# Jobs. Each transition but the first ends the lease.


def mark_sending(jobs: JobQuerySet, seconds: float, **columns: Any) -> uuid.UUID | None:
    """Lease queued jobs for ``seconds`` to send their creates; return the token, ``None`` if no job was free."""
    queued = jobs.filter(state__in=JOB_EDGES[_J.SENDING])
    changes = {"state": _J.SENDING, "sent_at": Now(), "attempts": F("attempts") + 1, **columns}
    return queued.acquire(seconds, **changes)


def mark_accepted(jobs: JobQuerySet, remote_id: str | Combinable, status: str, check_after: float) -> int:
    """Record that the provider accepted jobs as ``remote_id``, to be polled in ``check_after`` seconds.

    Raises ``IntegrityError`` if another job of the credential has the id.
    """
    accepted = {"remote_id": remote_id, "accepted_at": Now(), "consecutive_failures": 0, "note": ""}
    return _move(jobs, _J.RUNNING, remote_status=status[:60], due_at=from_now(check_after), **accepted)


def mark_running(jobs: JobQuerySet, status: str, check_after: float) -> int:
    """Record that the provider still works on jobs, to be polled again in ``check_after`` seconds."""
    due = {"due_at": from_now(check_after), "consecutive_failures": 0, "note": ""}
    return _move(jobs, _J.RUNNING, remote_status=status[:60], **due)


def mark_checking(jobs: JobQuerySet, check_after: float, **columns: Any) -> int:
    """Let a worker find out in ``check_after`` seconds whether the provider has accepted jobs."""
    return _move(jobs, _J.CHECKING, due_at=from_now(check_after), **columns)


def mark_done(jobs: JobQuerySet, **columns: Any) -> int:
    """End jobs with stored results."""
    return _move(jobs, _J.DONE, **columns)


def mark_failed(jobs: JobQuerySet, **columns: Any) -> int:
    """End jobs without a result."""
    return _move(jobs, _J.FAILED, **columns)


def mark_cancelled(jobs: JobQuerySet) -> int:
    """Cancel queued jobs."""
    return _move(jobs, _J.CANCELLED)


def mark_stalled(jobs: JobQuerySet, note: str, **columns: Any) -> int:
    """Stop jobs until a person decides; ``note`` tells them why."""
    return _move(jobs, _J.STALLED, note=note[:500], **columns)


def requeue(jobs: JobQuerySet, wait: float = 0.0, **columns: Any) -> int:
    """Queue jobs again that the provider has not accepted, due in ``wait`` seconds."""
    return _move(jobs, _J.QUEUED, due_at=from_now(wait), **columns)


def retry_later(jobs: JobQuerySet, state: JobState, wait: float, note: str, **columns: Any) -> int:
    """Return jobs to ``state``, so that a call is repeated in ``wait`` seconds; ``note`` says why."""
    return _move(jobs, state, due_at=from_now(wait), note=note[:500], **columns)


def return_jobs(jobs: JobQuerySet, state: JobState, attempts: int) -> int:
    """Return jobs to ``state`` that a stopping worker had leased."""
    return _move(jobs, state, attempts=attempts)


def resume(jobs: JobQuerySet, **columns: Any) -> int:
    """Poll jobs at once, because a webhook says that the provider has accepted them."""
    return _move(jobs.filter(state__in=(_J.CHECKING, _J.STALLED)), _J.RUNNING, due_at=Now(), **columns)


def restart(jobs: JobQuerySet, state: JobState) -> int:
    """Reopen ended jobs: as ``queued`` to send them again, or as ``running`` to fetch existing results."""
    accepted = {"accepted_at": Now()} if state == _J.RUNNING else {}
    return _move(jobs.filter(state__in=ENDED_JOBS), state, **accepted, **_due_again())


def decide(jobs: JobQuerySet, state: JobState, decision: str, actor: AbstractBaseUser | None, **columns: Any) -> int:
    """Continue or end stalled jobs in ``state``, as a person has decided."""
    due = {} if state in ENDED_JOBS else _due_again()
    decided = {"decided_by": actor, "decision": decision[:200], **due, **columns}
    return _move(jobs.filter(state=_J.STALLED), state, **decided)


def _due_again() -> dict[str, Any]:
    return {"due_at": Now(), "attempts": 0, "consecutive_failures": 0, "note": ""}


def _move(jobs: JobQuerySet, state: JobState, **columns: Any) -> int:
    finished_at = Now() if state in ENDED_JOBS else None
    return jobs.filter(state__in=JOB_EDGES[state]).release(state=state, finished_at=finished_at, **columns)


# Items.


def begin_items(items: ItemQuerySet) -> int:
    """Mark queued items as being processed."""
    return items.filter(status=_I.QUEUED).update(status=_I.PROCESSING)


def keep_waiting(items: ItemQuerySet, status: ItemStatus, **reason: str) -> int:
    """Record the reason why items in progress wait; ``status`` is ``processing`` or ``queued``."""
    return items.filter(status=_I.PROCESSING).update(status=status, **reason)


def end_items(items: ItemQuerySet, status: ItemStatus, **reason: str) -> int:
    """End open items. From now on, the same work may be started again."""
    ends = {"status": status, "finished_at": Now(), "active_key": None}
    return items.filter(status__in=ITEM_EDGES[status]).update(**ends, **reason)


def stall_items(items: ItemQuerySet, **reason: str) -> int:
    """Stop open items until a person decides."""
    return items.filter(status__in=ITEM_EDGES[_I.STALLED]).update(status=_I.STALLED, **reason)


def resume_items(items: ItemQuerySet, status: ItemStatus) -> int:
    """Continue stalled items in ``status``."""
    return items.filter(status=_I.STALLED).update(status=status, **NO_REASON)


def reopen_items(items: ItemQuerySet, **columns: Any) -> int:
    """Queue ended items again. Raises ``IntegrityError`` if another item does the same work."""
    opened = {"status": _I.QUEUED, "active_key": F("work_key"), "finished_at": None, **NO_REASON}
    return items.filter(status__in=ENDED_ITEMS).update(**opened, **columns)


# Enhancements. Their status is computed from their items.


def begin_enhancements(enhancements: EnhancementQuerySet) -> int:
    """Mark queued enhancements as being processed."""
    return enhancements.filter(status=EnhancementStatus.QUEUED).update(status=EnhancementStatus.PROCESSING)


def open_enhancements(enhancements: EnhancementQuerySet, status: EnhancementStatus) -> int:
    """Reopen ended enhancements that have open items again."""
    return enhancements.update(status=status, finished_at=None)


def end_enhancements(enhancements: EnhancementQuerySet, status: EnhancementStatus) -> int:
    """End enhancements with this final status, unless they have it already."""
    return enhancements.exclude(status=status).update(status=status, finished_at=Now())


# Results: review and publication.


def judge(results: ResultQuerySet, review: Review, actor: AbstractBaseUser | None, **columns: Any) -> int:
    """Approve or reject results that are not reviewed yet."""
    judged = {"review": review, "reviewed_by": actor, "reviewed_at": Now(), "publication_note": "", **columns}
    return results.filter(review__in=REVIEW_EDGES[review]).update(**judged)


def return_to_review(results: ResultQuerySet) -> int:
    """Undo the judgement of results that are not published, and withdraw what was requested for them."""
    decided = results.filter(review__in=REVIEW_EDGES[_R.PENDING]).exclude(publication=_P.PUBLISHED)
    judgement = {"review": _R.PENDING, "reviewed_by": None, "reviewed_at": None, "review_note": "", "decision": None}
    judgement["approved_by_rule"] = ""
    nowhere = {"publication": _P.NONE, "publication_note": "", "publish_after": None}
    return decided.release(**judgement, **nowhere)


def request_publication(
    results: ResultQuerySet,
    actor: AbstractBaseUser | None,
    *,
    displaced: bool,
    wait: float = 0.0,
    **columns: Any,
) -> int:
    """Let a worker publish approved results in ``wait`` seconds; ``displaced``: also those marked as published."""
    ready = results.filter(review=Review.APPROVED)
    if not displaced:
        ready = ready.exclude(publication=_P.PUBLISHED)
    after = from_now(wait) if wait else None
    return _publish(ready, _P.WAITING, published_by=actor, attempts=0, publish_after=after, **columns)


def withdraw(results: ResultQuerySet) -> int:
    """Withdraw requests for publication."""
    return _publish(results.filter(publication=_P.WAITING), _P.NONE)


def mark_published(results: ResultQuerySet) -> int:
    """Record that results are on their products, after a publication or after a newer one was restored."""
    return _publish(results, _P.PUBLISHED)


def mark_displaced(results: ResultQuerySet) -> int:
    """Record that other results have replaced these on their products."""
    return _publish(results.filter(publication=_P.PUBLISHED), _P.NONE)


def mark_conflict(results: ResultQuerySet, note: str) -> int:
    """Record that results were not published; ``note`` tells the reviewer why."""
    return _publish(results, _P.CONFLICT, publication_note=note[:500])


def mark_restored(results: ResultQuerySet) -> int:
    """Record that the earlier pictures are on the products again."""
    return _publish(results, _P.RESTORED)


def _publish(results: ResultQuerySet, publication: Publication, **columns: Any) -> int:
    """Change the publication, and end the lease of a worker that is publishing."""
    moving = results.filter(publication__in=PUBLICATION_EDGES[publication])
    return moving.release(**{"publication": publication, "publication_note": "", "publish_after": None, **columns})
