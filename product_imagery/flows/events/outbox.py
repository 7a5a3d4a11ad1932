"""Announce: tell what has become true. In its transaction it is written down for every endpoint that wants to hear it;
Django's signals are sent after commit.
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

_BATCH = 500
_Data: TypeAlias = dict[str, Any]

_ENDS = {
    EnhancementStatus.COMPLETED: Event.ENHANCEMENT_COMPLETED,
    EnhancementStatus.PARTIALLY_COMPLETED: Event.ENHANCEMENT_COMPLETED,
    EnhancementStatus.FAILED: Event.ENHANCEMENT_FAILED,
    EnhancementStatus.CANCELLED: Event.ENHANCEMENT_CANCELLED,
}


def items_completed(items: Sequence[EnhancementItem]) -> None:
    """These items have their pictures."""
    _tell(signals.item_completed, "item", Event.ITEM_COMPLETED, items, _of_items)


def items_failed(items: Sequence[EnhancementItem]) -> None:
    """These items will have no picture."""
    _tell(signals.item_failed, "item", Event.ITEM_FAILED, items, _of_items)


def items_stalled(items: Sequence[EnhancementItem]) -> None:
    """Of these items it is not known whether their provider accepted them: a person decides."""
    _tell(None, "item", Event.ITEM_STALLED, items, _of_items)


def enhancement_ended(enhancement: Enhancement) -> None:
    """All items of an enhancement have come to an end; its figures are annotated."""
    event = _ENDS[EnhancementStatus(enhancement.status)]
    _tell(signals.enhancement_finished, "enhancement", event, [enhancement], _of_enhancements)


def result_approved(result: ResultImage) -> None:
    """A result may go onto its product."""
    _tell(signals.result_approved, "result", Event.GENERATION_APPROVED, [result], _of_results)


def image_published(version: ImageVersion) -> None:
    """A result stands on its product."""
    _tell(signals.image_published, "version", Event.IMAGE_PUBLISHED, [version], _of_versions)


def image_restored(version: ImageVersion) -> None:
    """What stood on the product before stands there again."""
    _tell(signals.image_restored, "version", Event.IMAGE_RESTORED, [version], _of_versions)


def directly(endpoint: WebhookEndpoint, kind: str, data: _Data) -> EventDelivery:
    """Write down an event for one endpoint, whether it asked for it or not."""
    delivery = EventDelivery.objects.create(endpoint=endpoint, kind=kind, body=_body(kind, data))
    background.wake()
    return delivery


def _tell(
    signal: Signal | None,
    name: str,
    event: Event,
    subjects: Sequence[Any],
    describe: Callable[[Sequence[Any]], list[tuple[int, _Data]]],
) -> None:
    if signal is not None:
        for subject in subjects:
            signals.send_on_commit(signal, **{name: subject})
    heard = _listened_to(subjects)
    if heard:
        _write_down(event, describe([subject for subject in subjects if _enhancement_of(subject) in heard]), heard)


def _enhancement_of(subject: Model) -> int | None:
    if isinstance(subject, Enhancement):
        return subject.pk
    if isinstance(subject, EnhancementItem):
        return subject.enhancement_id
    result = subject.result if isinstance(subject, ImageVersion) else subject
    return result.enhancement_id if isinstance(result, ResultImage) else None


def _listened_to(subjects: Sequence[Model]) -> dict[int, Enhancement]:
    """Of these subjects' enhancements, those whose owners have an endpoint. Mostly nobody has, in one query."""
    wanted = {pk for subject in subjects if (pk := _enhancement_of(subject)) is not None}
    active = WebhookEndpoint.objects.filter(
        owner=OuterRef("actor"), is_test=OuterRef("is_test"), state=WebhookEndpoint.State.ACTIVE
    )
    found = Enhancement.objects.filter(Exists(active), pk__in=wanted)
    return {enhancement.pk: enhancement for enhancement in found}


def _write_down(event: Event, told: list[tuple[int, _Data]], heard: dict[int, Enhancement]) -> None:
    owners = {enhancement.actor_id for enhancement in heard.values()}
    endpoints = WebhookEndpoint.objects.filter(owner__in=owners, state=WebhookEndpoint.State.ACTIVE)
    deliveries = []
    for pk, data in told:
        enhancement, body = heard[pk], _body(event, data)
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
    """The endpoint that vouches for the enhancement's own address, unless that hears of the event anyway."""
    if any(one.url == enhancement.webhook_url and event in one.events for one in endpoints):
        return None
    return next((one for one in endpoints if one.vouches_for(enhancement.webhook_url)), None)


def _body(kind: str, data: _Data) -> str:
    event = {"type": str(kind), "timestamp": timezone.now().isoformat(), "data": data}
    return json.dumps(event, cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":"))


def _of_items(items: Sequence[EnhancementItem]) -> list[tuple[int, _Data]]:
    ids = [item.pk for item in items]
    loaded: Any = EnhancementItem.objects.select_related("enhancement", "content_type")
    loaded = loaded.prefetch_related("further_ids").in_bulk(ids)
    results: dict[int, list[str]] = {}
    for item, result in ResultImage.objects.filter(item__in=ids).order_by("pk").values_list("item", "uuid"):
        results.setdefault(item, []).append(str(result))
    return [
        (item.enhancement_id, {**_of_item(loaded[item.pk]), "generations": results.get(item.pk, [])}) for item in items
    ]


def _of_item(item: EnhancementItem) -> _Data:
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


def _of_enhancements(enhancements: Sequence[Enhancement]) -> list[tuple[int, _Data]]:
    figures = ("total", "completed", "failed", "cancelled")
    return [
        (one.pk, {"enhancement": str(one.uuid), "status": one.status} | {name: getattr(one, name) for name in figures})
        for one in enhancements
    ]


def _of_results(results: Sequence[ResultImage]) -> list[tuple[int, _Data]]:
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


def _of_versions(versions: Sequence[ImageVersion]) -> list[tuple[int, _Data]]:
    return _of_results([version.result for version in versions if version.result is not None])
