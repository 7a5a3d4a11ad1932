"""Outbox: publish events, as rows for the webhook endpoints that subscribe to them, and as Django's signals.

Each function is called in the transaction of the change that it is about: the rows are committed with it, or not at
all. ``sender`` delivers them later. Signals are sent after the commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Exists, Model, OuterRef
from django.dispatch import Signal
from django.utils import timezone

from product_imagery import background, signals
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    Event,
    EventDelivery,
    ImageVersion,
    ResultImage,
    WebhookEndpoint,
)
from product_imagery.states import EnhancementStatus

_BATCH = 500  #: deliveries written in one statement
_Data: TypeAlias = dict[str, Any]

_ENDS = {
    EnhancementStatus.COMPLETED: Event.ENHANCEMENT_COMPLETED,
    EnhancementStatus.PARTIALLY_COMPLETED: Event.ENHANCEMENT_COMPLETED,
    EnhancementStatus.FAILED: Event.ENHANCEMENT_FAILED,
    EnhancementStatus.CANCELLED: Event.ENHANCEMENT_CANCELLED,
}


def items_completed(items: Sequence[EnhancementItem]) -> None:
    """Publish that items are completed."""
    _publish(signals.item_completed, "item", Event.ITEM_COMPLETED, items, _describe_items)


def items_failed(items: Sequence[EnhancementItem]) -> None:
    """Publish that items have failed."""
    _publish(signals.item_failed, "item", Event.ITEM_FAILED, items, _describe_items)


def items_stalled(items: Sequence[EnhancementItem]) -> None:
    """Publish that a person has to decide about items, as their provider may or may not have accepted them."""
    _publish(None, "item", Event.ITEM_STALLED, items, _describe_items)


def enhancement_ended(enhancement: Enhancement) -> None:
    """Publish that all items of an enhancement have ended. It has to come from ``with_progress``."""
    event = _ENDS[EnhancementStatus(enhancement.status)]
    _publish(signals.enhancement_finished, "enhancement", event, [enhancement], _describe_enhancements)


def results_approved(results: Sequence[ResultImage]) -> None:
    """Publish that results are approved."""
    _publish(signals.result_approved, "result", Event.GENERATION_APPROVED, results, _describe_approvals)


def results_reopened(results: Sequence[ResultImage]) -> None:
    """Publish that the approvals of results were undone."""
    _publish(signals.result_reopened, "result", Event.GENERATION_REOPENED, results, _describe_results)


def image_published(version: ImageVersion) -> None:
    """Publish that a result stands on its product."""
    _publish(signals.image_published, "version", Event.IMAGE_PUBLISHED, [version], _describe_versions)


def image_restored(version: ImageVersion) -> None:
    """Publish that the picture before a publication was put back."""
    _publish(signals.image_restored, "version", Event.IMAGE_RESTORED, [version], _describe_versions)


def record_for(endpoint: WebhookEndpoint, kind: str, data: _Data) -> EventDelivery:
    """Record an event for one endpoint, subscribed or not, and return its delivery."""
    delivery = EventDelivery.objects.create(endpoint=endpoint, kind=kind, body=_body(kind, data))
    background.wake()
    return delivery


def _publish(
    signal: Signal | None,
    name: str,
    event: Event,
    subjects: Sequence[Any],
    describe: Callable[[Sequence[Any]], list[tuple[int, _Data]]],
) -> None:
    """Send ``signal`` for each subject after the commit, and record ``event`` for those that have subscribers.

    ``describe`` turns subjects into their data, each with the primary key of its enhancement; it is called only when
    somebody subscribes.
    """
    if signal is not None:
        for subject in subjects:
            signals.send_on_commit(signal, **{name: subject})
    subscribed = _subscribed(subjects)
    if subscribed:
        _record(
            event, describe([subject for subject in subjects if _enhancement_of(subject) in subscribed]), subscribed
        )


def _enhancement_of(subject: Model) -> int | None:
    """Return the primary key of a subject's enhancement; ``None`` for a version whose result is gone."""
    if isinstance(subject, Enhancement):
        return subject.pk
    if isinstance(subject, EnhancementItem):
        return subject.enhancement_id
    result = subject.result if isinstance(subject, ImageVersion) else subject
    return result.enhancement_id if isinstance(result, ResultImage) else None


def _subscribed(subjects: Sequence[Model]) -> dict[int, Enhancement]:
    """Return those of the subjects' enhancements, by key, whose owners have an active endpoint: mostly none."""
    wanted = {pk for subject in subjects if (pk := _enhancement_of(subject)) is not None}
    active = WebhookEndpoint.objects.filter(
        owner=OuterRef("actor"), is_test=OuterRef("is_test"), state=WebhookEndpoint.State.ACTIVE
    )
    found = Enhancement.objects.filter(Exists(active), pk__in=wanted)
    return {enhancement.pk: enhancement for enhancement in found}


def _record(event: Event, described: list[tuple[int, _Data]], subscribed: dict[int, Enhancement]) -> None:
    """Write a delivery for each endpoint that wants the event, and for the enhancement's own ``webhook_url``."""
    owners = {enhancement.actor_id for enhancement in subscribed.values()}
    endpoints = WebhookEndpoint.objects.filter(owner__in=owners, state=WebhookEndpoint.State.ACTIVE)
    deliveries = []
    for pk, data in described:
        enhancement, body = subscribed[pk], _body(event, data)
        mine = [one for one in endpoints if (one.owner_id, one.is_test) == (enhancement.actor_id, enhancement.is_test)]
        deliveries += [EventDelivery(endpoint=one, kind=event, body=body) for one in mine if event in one.events]
        own = _own_address(enhancement, event, mine)
        if own is not None:
            deliveries.append(EventDelivery(endpoint=own, kind=event, body=body, url=enhancement.webhook_url))
    EventDelivery.objects.bulk_create(deliveries, batch_size=_BATCH)
    if deliveries:
        background.wake()


def _own_address(
    enhancement: Enhancement, event: Event, endpoints: Sequence[WebhookEndpoint]
) -> WebhookEndpoint | None:
    """Return the endpoint whose secret signs for the enhancement's own address.

    ``None`` when there is none, or when an endpoint with that very address subscribes to the event anyway.
    """
    if any(one.url == enhancement.webhook_url and event in one.events for one in endpoints):
        return None
    return next((one for one in endpoints if one.vouches_for(enhancement.webhook_url)), None)


def _body(kind: str, data: _Data) -> str:
    event = {"type": str(kind), "timestamp": timezone.now().isoformat(), "data": data}
    return json.dumps(event, cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":"))


def _describe_items(items: Sequence[EnhancementItem]) -> list[tuple[int, _Data]]:
    ids = [item.pk for item in items]
    loaded: Any = EnhancementItem.objects.select_related("enhancement", "content_type")
    loaded = loaded.prefetch_related("further_ids").in_bulk(ids)
    results: dict[int, list[str]] = {}
    for item, result in ResultImage.objects.filter(item__in=ids).order_by("pk").values_list("item", "uuid"):
        results.setdefault(item, []).append(str(result))
    return [
        (item.enhancement_id, {**_describe_item(loaded[item.pk]), "generations": results.get(item.pk, [])})
        for item in items
    ]


def _describe_item(item: EnhancementItem) -> _Data:
    return {
        "enhancement": str(item.enhancement.uuid),
        "item": str(item.uuid),
        "product": item.product_id,
        "external_id": item.external_id,
        "external_ids": item.external_ids,
        "status": item.status,
        "error_code": item.error_code,
        "error_message": item.error_message,
    }


def _describe_enhancements(enhancements: Sequence[Enhancement]) -> list[tuple[int, _Data]]:
    figures = ("total", "completed", "failed", "cancelled")
    return [
        (one.pk, {"enhancement": str(one.uuid), "status": one.status} | {name: getattr(one, name) for name in figures})
        for one in enhancements
    ]


def _describe_results(results: Sequence[ResultImage]) -> list[tuple[int, _Data]]:
    return [
        (
            result.enhancement_id,
            {
                "enhancement": str(result.enhancement.uuid),
                "generation": str(result.uuid),
                "product": result.item.product_id,
                "external_id": result.item.external_id,
            },
        )
        for result in results
    ]


def _describe_approvals(results: Sequence[ResultImage]) -> list[tuple[int, _Data]]:
    described = zip(_describe_results(results), results, strict=True)
    return [(pk, {**data, "approved_by_rule": result.approved_by_rule}) for (pk, data), result in described]


def _describe_versions(versions: Sequence[ImageVersion]) -> list[tuple[int, _Data]]:
    return _describe_results([version.result for version in versions if version.result is not None])
