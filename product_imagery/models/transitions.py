"""Transitions: the only writer of the states of jobs, items, enhancements and results.

Each function makes one conditional ``UPDATE`` of n ≥ 1 rows and returns how many it changed. The rows that it is given
say who may act (``ProviderJob.objects.held(job)``: whose lease is still ours); the edges below say from which states
the step exists. Zero means that somebody else was faster: the caller then writes nothing that belongs to the step::

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

_J, _I, _P = JobState, ItemStatus, Publication

#: The states from which a row comes into each state. ``docs/how-a-job-travels.md`` says when.
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
PUBLICATION_EDGES: Mapping[Publication, tuple[Publication, ...]] = {
    _P.NONE: (_P.WAITING, _P.PUBLISHED),
    _P.WAITING: (_P.NONE, _P.PUBLISHED, _P.CONFLICT, _P.RESTORED),
    _P.PUBLISHED: (_P.NONE, _P.WAITING, _P.CONFLICT, _P.RESTORED),
    _P.CONFLICT: (_P.WAITING,),
    _P.RESTORED: (_P.NONE, _P.WAITING, _P.PUBLISHED, _P.CONFLICT),
}

#: the columns of an item that say why it failed, waits or is stalled, without anything to say
NO_REASON = {"error_code": "", "error_message": "", "error_detail": ""}


def reason_columns(error: ImageryError | None) -> dict[str, str]:
    """Return the columns of an item that say why, cut to their lengths; without an error they are empty."""
    if error is None:
        return NO_REASON
    return {"error_code": error.code[:60], "error_message": error.message[:500], "error_detail": error.detail[:4000]}


# Jobs. Each step but the first ends the lease.


def mark_sending(jobs: JobQuerySet, seconds: float, **columns: Any) -> uuid.UUID | None:
    """Lease queued jobs for ``seconds`` to send their creates; return the token of those that were free."""
    queued = jobs.filter(state__in=JOB_EDGES[_J.SENDING])
    changes = {"state": _J.SENDING, "sent_at": Now(), "attempts": F("attempts") + 1, **columns}
    return queued.acquire(seconds, **changes)


def mark_accepted(jobs: JobQuerySet, remote_id: str | Combinable, status: str, check_after: float) -> int:
    """The provider has these jobs under ``remote_id``; they are polled in ``check_after`` seconds.

    Raises ``IntegrityError`` when another job of the credential has the id.
    """
    accepted = {"remote_id": remote_id, "accepted_at": Now(), "consecutive_failures": 0, "note": ""}
    return _move(jobs, _J.RUNNING, remote_status=status[:60], due_at=from_now(check_after), **accepted)


def mark_running(jobs: JobQuerySet, status: str, check_after: float) -> int:
    """The provider is still working on these jobs; they are polled again in ``check_after`` seconds."""
    due = {"due_at": from_now(check_after), "consecutive_failures": 0, "note": ""}
    return _move(jobs, _J.RUNNING, remote_status=status[:60], **due)


def mark_checking(jobs: JobQuerySet, check_after: float, **columns: Any) -> int:
    """It is looked up in ``check_after`` seconds whether the provider has these jobs."""
    return _move(jobs, _J.CHECKING, due_at=from_now(check_after), **columns)


def mark_done(jobs: JobQuerySet, **columns: Any) -> int:
    """Pictures of these jobs are stored."""
    return _move(jobs, _J.DONE, **columns)


def mark_failed(jobs: JobQuerySet, **columns: Any) -> int:
    """These jobs end without a picture."""
    return _move(jobs, _J.FAILED, **columns)


def mark_cancelled(jobs: JobQuerySet) -> int:
    """End jobs that no worker has leased."""
    return _move(jobs, _J.CANCELLED)


def mark_stalled(jobs: JobQuerySet, note: str, **columns: Any) -> int:
    """Leave these jobs to a person, who reads the note."""
    return _move(jobs, _J.STALLED, note=note[:500], **columns)


def requeue(jobs: JobQuerySet, wait: float = 0.0, **columns: Any) -> int:
    """Queue leased jobs again of which nothing was accepted, due in ``wait`` seconds."""
    return _move(jobs, _J.QUEUED, due_at=from_now(wait), **columns)


def retry_later(jobs: JobQuerySet, state: JobState, wait: float, note: str, **columns: Any) -> int:
    """Bring jobs to ``state`` to make their step again in ``wait`` seconds; the note says why."""
    return _move(jobs, state, due_at=from_now(wait), note=note[:500], **columns)


def return_jobs(jobs: JobQuerySet, state: JobState, attempts: int) -> int:
    """Return jobs to ``state``, in which a worker that is stopping had leased them."""
    return _move(jobs, state, attempts=attempts)


def resume(jobs: JobQuerySet, **columns: Any) -> int:
    """Poll jobs at once of which a webhook delivery says that the provider has them."""
    return _move(jobs.filter(state__in=(_J.CHECKING, _J.STALLED)), _J.RUNNING, due_at=Now(), **columns)


def restart(jobs: JobQuerySet, state: JobState) -> int:
    """Bring ended jobs back: ``queued`` to be done once more, ``running`` to collect what the provider has."""
    accepted = {"accepted_at": Now()} if state == _J.RUNNING else {}
    return _move(jobs.filter(state__in=ENDED_JOBS), state, **accepted, **_anew())


def decide(jobs: JobQuerySet, state: JobState, decision: str, actor: AbstractBaseUser | None, **columns: Any) -> int:
    """Bring stalled jobs to where a person has decided that they go on, or end."""
    anew = {} if state in ENDED_JOBS else _anew()
    decided = {"decided_by": actor, "decision": decision[:200], **anew, **columns}
    return _move(jobs.filter(state=_J.STALLED), state, **decided)


def _anew() -> dict[str, Any]:
    return {"due_at": Now(), "attempts": 0, "consecutive_failures": 0, "note": ""}


def _move(jobs: JobQuerySet, state: JobState, **columns: Any) -> int:
    finished_at = Now() if state in ENDED_JOBS else None
    return jobs.filter(state__in=JOB_EDGES[state]).release(state=state, finished_at=finished_at, **columns)


# Items.


def begin_items(items: ItemQuerySet) -> int:
    """A worker is at queued items now."""
    return items.filter(status=_I.QUEUED).update(status=_I.PROCESSING)


def keep_waiting(items: ItemQuerySet, status: ItemStatus, **reason: str) -> int:
    """Leave items that are under way as they are, or queue them again; ``reason`` says why they wait."""
    return items.filter(status=_I.PROCESSING).update(status=status, **reason)


def end_items(items: ItemQuerySet, status: ItemStatus, **reason: str) -> int:
    """End open items. The same work may be started anew from now on."""
    ends = {"status": status, "finished_at": Now(), "active_key": None}
    return items.filter(status__in=ITEM_EDGES[status]).update(**ends, **reason)


def stall_items(items: ItemQuerySet, **reason: str) -> int:
    """Leave open items to a person."""
    return items.filter(status__in=ITEM_EDGES[_I.STALLED]).update(status=_I.STALLED, **reason)


def resume_items(items: ItemQuerySet, status: ItemStatus) -> int:
    """It is known how stalled items go on."""
    return items.filter(status=_I.STALLED).update(status=status, **NO_REASON)


def reopen_items(items: ItemQuerySet, **columns: Any) -> int:
    """Queue ended items again, their reasons forgotten. Raises ``IntegrityError`` if under way elsewhere."""
    opened = {"status": _I.QUEUED, "active_key": F("work_key"), "finished_at": None, **NO_REASON}
    return items.filter(status__in=ENDED_ITEMS).update(**opened, **columns)


# Enhancements, whose status is computed from their items.


def begin_enhancements(enhancements: EnhancementQuerySet) -> int:
    """A worker has begun with queued enhancements."""
    return enhancements.filter(status=EnhancementStatus.QUEUED).update(status=EnhancementStatus.PROCESSING)


def open_enhancements(enhancements: EnhancementQuerySet, status: EnhancementStatus) -> int:
    """Ended enhancements have open items again."""
    return enhancements.update(status=status, finished_at=None)


def end_enhancements(enhancements: EnhancementQuerySet, status: EnhancementStatus) -> int:
    """End enhancements that have another status than this final one."""
    return enhancements.exclude(status=status).update(status=status, finished_at=Now())


# Results: the review by a person, and the publication on the product.


def judge(results: ResultQuerySet, review: Review, actor: AbstractBaseUser | None) -> int:
    """Approve or reject results that nobody has judged."""
    judged = {"review": review, "reviewed_by": actor, "reviewed_at": Now(), "publication_note": ""}
    return results.filter(review=Review.PENDING).update(**judged)


def request_publication(results: ResultQuerySet, actor: AbstractBaseUser | None, *, displaced: bool) -> int:
    """Let a worker publish approved results; one that was ``displaced`` on its product is published once more."""
    ready = results.filter(review=Review.APPROVED)
    if not displaced:
        ready = ready.exclude(publication=_P.PUBLISHED)
    return _publish(ready, _P.WAITING, published_by=actor, attempts=0)


def withdraw(results: ResultQuerySet) -> int:
    """Take back requests for publication."""
    return _publish(results.filter(publication=_P.WAITING), _P.NONE)


def mark_published(results: ResultQuerySet) -> int:
    """Results stand on their products: put there, or there again as a newer one was taken back."""
    return _publish(results, _P.PUBLISHED)


def mark_displaced(results: ResultQuerySet) -> int:
    """Another result stands on the product in place of these."""
    return _publish(results.filter(publication=_P.PUBLISHED), _P.NONE)


def mark_conflict(results: ResultQuerySet, note: str) -> int:
    """Results were not put on their products; the note tells the reviewer why."""
    return _publish(results, _P.CONFLICT, publication_note=note[:500])


def mark_restored(results: ResultQuerySet) -> int:
    """The earlier pictures stand on the products again."""
    return _publish(results, _P.RESTORED)


def _publish(results: ResultQuerySet, publication: Publication, **columns: Any) -> int:
    """Each step ends the lease of a publication that is under way."""
    moving = results.filter(publication__in=PUBLICATION_EDGES[publication])
    return moving.release(**{"publication": publication, "publication_note": "", **columns})
