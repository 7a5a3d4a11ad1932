"""Batch: the two words that nearly every job hears, “accepted” and “here it is”, written down for many jobs at once.

What is unusual about a word (an error, a picture that could not be fetched, an id that is taken) sends it the ordinary
way, ``update.record``, alone.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from django.db import DatabaseError, transaction
from django.db.models.functions import Now

from product_imagery.flows import announce, fetch, ledger, lost, update
from product_imagery.flows.settle import settle
from product_imagery.flows.track import Word
from product_imagery.models import EnhancementItem, ProviderCredential, ProviderJob
from product_imagery.models.by_key import ByKey
from product_imagery.models.clock import from_now
from product_imagery.models.enhancement import NO_REASON
from product_imagery.models.job import JobQuerySet
from product_imagery.provider_kit.conversation import Accepted, Finished
from product_imagery.states import OPEN_ITEMS, ItemStatus, JobState

logger = logging.getLogger("product_imagery")


def record_all(words: list[Word]) -> None:
    """Write down what came of these calls, each fenced by its job's lease. Raises ``DatabaseAway``: may be repeated."""
    together: set[int] = set()
    if len(words) > 1:
        try:
            together = _record_together(words)
        except (DatabaseError, ValueError):  # because of one of them: alone each gets what it can
            logger.warning("Answers could not be written down together.", exc_info=True)
    for word in words:
        if id(word) not in together:
            update.record(word)


def _record_together(words: list[Word]) -> set[int]:
    with transaction.atomic():
        held = ProviderJob.objects.is_held([word.call.job for word in words])
        ours = [word for word in words if word.error is None and not word.bad and word.call.job.pk in held]
        told = [word for word in ours if isinstance(word.outcome, Accepted) and word.outcome.reserved is None]
        accepted = _with_free_ids(told)
        finished = [word for word in ours if _is_complete(word)]
        _record_accepted(accepted)
        _record_finished(finished)
        _note_digests([*accepted, *finished])
        for word in ours:
            word.call.job.credential.note_clock(word.call.ticket.skew)
        for credential in {word.call.job.credential for word in [*accepted, *finished]}:
            credential.went_well()
        for credential in {word.call.job.credential for word in accepted if lost.is_answered(word)}:
            credential.note_create_answered()
    return {id(word) for word in [*accepted, *finished]}


def _with_free_ids(words: list[Word]) -> list[Word]:
    """Leave out answers with an id that another job has."""
    if not words:
        return []
    names = [(word.call.job.credential_id, word.outcome.remote_id) for word in words]  # type: ignore[union-attr]
    accounts, ids = zip(*names, strict=True)
    known = ProviderJob.objects.filter(credential__in=set(accounts), remote_id__in=ids)
    taken = set(known.values_list("credential", "remote_id"))
    return [word for word, name in zip(words, names, strict=True) if name not in taken and names.count(name) == 1]


def _is_complete(word: Word) -> bool:
    outcome = word.outcome
    if not isinstance(outcome, Finished) or outcome.failures or outcome.remote_id or word.bad:
        return False
    return {stored.picture.item_id for stored in word.pictures} == {item.pk for item in word.call.items}


def _record_accepted(words: list[Word]) -> None:
    """What is the same for many is one update for all of them; the ids are the only column that differs."""
    alike: dict[tuple[str, float], list[Word]] = defaultdict(list)
    balances: dict[int, Decimal] = {}
    for word in words:
        job, outcome = word.call.job, word.outcome
        assert isinstance(outcome, Accepted)
        job.remote_id = outcome.remote_id
        alike[outcome.status[:60], outcome.check_after].append(word)
        if outcome.balance is not None:
            balances[job.credential_id] = outcome.balance
    for (status, wait), some in alike.items():
        news = {"remote_status": status, "accepted_at": Now(), "due_at": from_now(wait), "troubles": 0, "note": ""}
        ids = ByKey(ProviderJob, "remote_id", {word.call.job.pk: word.call.job.remote_id for word in some})
        _jobs(some).let_go(JobState.RUNNING, remote_id=ids, **news)
    for pk, balance in balances.items():
        ProviderCredential.objects.filter(pk=pk).update(balance=balance)


def _record_finished(words: list[Word]) -> None:
    if not words:
        return
    ledger.settle_costs([(word.call.job, word.outcome.cost) for word in words])  # type: ignore[union-attr]
    alike: dict[tuple[str, Decimal | None], list[Word]] = defaultdict(list)
    for word in words:
        assert isinstance(word.outcome, Finished)
        alike[word.outcome.status[:60], word.call.job.cost].append(word)
    for (status, cost), some in alike.items():
        news = {"remote_status": status, "cost": cost, "finished_at": Now(), "collectable": False, "note": ""}
        _jobs(some).let_go(JobState.DONE, **news)
    fetch.write_down_all([(word.call.job, word.call.items, word.pictures) for word in words])
    items = [item for word in words for item in word.call.items]
    ended = EnhancementItem.objects.filter(pk__in=[item.pk for item in items], status__in=OPEN_ITEMS)
    ended.update(status=ItemStatus.COMPLETED, finished_at=Now(), active_key=None, **NO_REASON)
    for item in items:
        item.status = ItemStatus.COMPLETED
    announce.items_completed(items)
    settle({word.call.job.enhancement_id for word in words})


def _jobs(words: list[Word]) -> JobQuerySet:
    return ProviderJob.objects.filter(pk__in=[word.call.job.pk for word in words])


def _note_digests(words: Iterable[Word]) -> None:
    found = {
        item.pk: word.digests[item.pk]
        for word in words
        for item in word.call.items
        if item.pk in word.digests and not item.source_digest
    }
    if found:
        digests = ByKey(EnhancementItem, "source_digest", found)
        EnhancementItem.objects.filter(pk__in=found).update(source_digest=digests)
