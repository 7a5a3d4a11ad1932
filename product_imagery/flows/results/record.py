"""Record: stored pictures become rows in the database; files that no row names are deleted."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext

from product_imagery import history
from product_imagery.conf import get_settings
from product_imagery.flows.results import approval_rules, bulk
from product_imagery.flows.results.fetch import Stored
from product_imagery.flows.results.fidelity import drifted
from product_imagery.flows.results.marketplace import broken_rules
from product_imagery.flows.results.review import Decision
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob, ResultImage
from product_imagery.provider_kit.outcomes import Picture
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import ACTIVE_ITEMS
from product_imagery.storage.names import result_name
from product_imagery.storage.store import delete_quietly, listed, results_storage


def record_results(done: Sequence[tuple[ProviderJob, list[EnhancementItem], list[Stored]]]) -> None:
    """Create the results of jobs: of each its items and the pictures that were stored for them.

    Results of an enhancement with ``auto_approve`` are approved here, and those of others by the approval rules. To be
    called in the caller's transaction.
    """
    by_pk = {item.pk: item for _, items, _ in done for item in items}
    enhancements = Enhancement.objects.select_related("actor").in_bulk({job.enhancement_id for job, _, _ in done})
    results = ResultImage.objects.bulk_create(
        _result(job, by_pk[stored.picture.item_id], stored, enhancements[job.enhancement_id])
        for job, _, pictures in done
        for stored in pictures
    )
    EnhancementItem.objects.rank(by_pk.values())
    _approve(results, enhancements)
    approval_rules.decide(results)


def _approve(results: Sequence[ResultImage], enhancements: Mapping[int, Enhancement]) -> None:
    """Approve new results where their enhancement asks for it: of each item the first that no person has to see.

    Several variants of one item cannot all stand on the product, so an item of which one was chosen before is left out.
    """
    # ``cancelled_at`` was read just now: somebody may have cancelled while the pictures were made.
    automatic = {pk for pk, one in enhancements.items() if one.auto_approve and not one.cancelled_at}
    firsts = {result.item_id: result for result in reversed(results) if not result.publication_note}
    for pk in automatic:
        enhancement = enhancements[pk]
        mine, publishes = [one for one in firsts.values() if one.enhancement_id == pk], not enhancement.is_trial
        batch = bulk.approve(mine, actor=enhancement.actor, publish=publishes, decision=Decision())
        if publishes:
            history.approved_unseen(enhancement.actor, [result.item for result in batch.done])


def _result(job: ProviderJob, item: EnhancementItem, stored: Stored, enhancement: Enhancement) -> ResultImage:
    item.enhancement = enhancement
    encoded = stored.picture.file
    return ResultImage(
        item=item,
        job=job,
        enhancement=enhancement,
        owner_id=enhancement.actor_id,
        is_test=enhancement.is_test,
        image=stored.image,
        thumbnail=stored.thumbnail,
        original=stored.original,
        format=encoded["format"],
        width=encoded["width"],
        height=encoded["height"],
        size=encoded["size"],
        sha256=encoded["sha256"],
        mark=stored.picture.mark,
        confidence=stored.picture.confidence,
        warnings=list(stored.picture.warnings),
        report=dict(stored.picture.report),
        publication_note=_reason_for_review(stored.picture, job.provider)[:500] if enhancement.auto_approve else "",
    )


def _reason_for_review(picture: Picture, provider: str) -> str:
    """Return the sentence that says why a person has to see the picture before it is published, or ``""``."""
    declared, floor = get_provider(provider), get_settings().review_below
    serious = [
        gettext(declared.warning_texts.get(code, code)) for code in picture.warnings if code in declared.review_warnings
    ]
    serious += broken_rules(picture.report) + drifted(picture.report)
    if serious:
        return gettext("It waits for a person before it is published: %(why)s") % {"why": " ".join(serious)}
    if picture.confidence < floor:
        why = gettext("the confidence of %(confidence).2f is below REVIEW_BELOW (%(floor)g).") % {
            "confidence": picture.confidence,
            "floor": floor,
        }
        return gettext("It waits for a person before it is published: %(why)s") % {"why": why}
    return ""


def delete_strays(items: Iterable[EnhancementItem]) -> None:
    """Delete files of ended items that no result names: a worker that died, or came too late, left them."""
    storage = results_storage()
    for item in items:
        if EnhancementItem.objects.filter(pk=item.pk, status__in=ACTIVE_ITEMS).exists():
            continue  # being made again: a file may be stored whose row is not written yet
        rows = ResultImage.objects.filter(item=item).values_list("image", "thumbnail", "original")
        known = {name for row in rows for name in row}
        folder = posixpath.dirname(result_name(item.uuid, "", ""))
        delete_quietly(storage, (name for name in listed(storage, folder) if name not in known))
