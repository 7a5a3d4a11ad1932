"""Retention: texts of people are removed from work that ended long ago. Pictures, costs and dates stay.

Old small pictures are deleted, which can be made again; other files are cleared up by ``flows.worker.maintenance``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from product_imagery.exceptions import StorageError
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    EventDelivery,
    FurtherId,
    ImageVersion,
    ProviderJob,
    ResultImage,
    Upload,
    WebhookDelivery,
)
from product_imagery.models.case_by_pk import CaseByPk
from product_imagery.models.db_time import from_now
from product_imagery.products import description_of
from product_imagery.provider_kit.registry import all_providers
from product_imagery.storage import store
from product_imagery.storage.errors import reading
from product_imagery.storage.names import previews_folder

_BATCH = 200  #: enhancements, or jobs, in one statement
_DAY = 86_400.0  #: seconds
_NO_NAME = "–"


def forgettable(days: float) -> QuerySet[Enhancement]:
    """Enhancements that ended more than ``days`` ago and were not forgotten yet, the oldest first."""
    ended = Enhancement.objects.filter(finished_at__lt=from_now(-days * _DAY), forgotten_at=None)
    return ended.order_by("finished_at")


def forget(days: float) -> int:
    """Forget a batch of old enhancements, and return their number; delete old webhook deliveries, in and out.

    Removed are prompts, names, addresses and the bytes that were sent to providers. A forgotten enhancement cannot be
    retried. Returns 0 when none is left.
    """
    with transaction.atomic():
        chosen = list(forgettable(days)[:_BATCH])
        if chosen:
            _forget(chosen)
        long_ago = from_now(-days * _DAY)
        WebhookDelivery.objects.filter(received_at__lt=long_ago, processed_at__isnull=False).delete()
        open_events = EventDelivery.objects.sendable()
        EventDelivery.objects.filter(created_at__lt=long_ago).exclude(pk__in=open_events.values("pk")).delete()
    return len(chosen)


def _forget(enhancements: list[Enhancement]) -> None:
    texts, pks = _texts(), [one.pk for one in enhancements]
    options = CaseByPk(Enhancement, "options", {one.pk: _without(one.options, texts) for one in enhancements})
    Enhancement.objects.filter(pk__in=pks).update(options=options, webhook_url="", forgotten_at=Now())
    items = EnhancementItem.objects.filter(enhancement__in=pks)
    ImageVersion.objects.filter(result__enhancement__in=pks).update(label=_NO_NAME)
    ResultImage.objects.filter(enhancement__in=pks).exclude(review_note="").update(review_note="")
    _forget_uploads(items)
    FurtherId.objects.filter(item__enhancement__in=pks).delete()
    items.update(label=_NO_NAME, source_url="", external_id="", error_detail="")
    jobs = ProviderJob.objects.filter(enhancement__in=pks)
    keys = list(jobs.values_list("pk", flat=True))
    for begin in range(0, len(keys), _BATCH):  # jobs can have options of their own, such as another seed
        some = jobs.filter(pk__in=keys[begin : begin + _BATCH])
        each = {pk: _without(options, texts) for pk, options in some.values_list("pk", "options")}
        some.update(options=CaseByPk(ProviderJob, "options", each), intent=None, note="")


def _without(options: dict[str, Any], texts: set[str]) -> dict[str, Any]:
    return {name: "" if name in texts else value for name, value in options.items()}


def _forget_uploads(items: QuerySet[EnhancementItem]) -> None:
    """Forget the names and addresses of uploads that only forgotten enhancements use."""
    uploads = EnhancementItem.objects.filter(content_type=description_of(Upload).content_type())
    ours = set(uploads.filter(pk__in=items.values("pk")).values_list("object_id", flat=True))
    used = uploads.filter(object_id__in=ours, enhancement__forgotten_at=None).values_list("object_id", flat=True)
    Upload.objects.filter(pk__in=ours - set(used)).update(name=_NO_NAME, source_url="")


def _texts() -> set[str]:
    """Return the names of the options that hold free text."""
    offers = [offer for provider in all_providers().values() for offer in provider.offers.values()]
    return {option.name for offer in offers for option in offer.options if option.is_free_text}


def delete_previews(days: float, folders: int | None = None) -> int:
    """Delete the ``old_previews``, and return their number."""
    names = list(old_previews(days, folders))
    store.delete_quietly(store.results_storage(), names)
    return len(names)


def old_previews(days: float, folders: int | None = None) -> Iterator[str]:
    """Yield the names of small pictures that were made more than ``days`` ago; they are made again when shown.

    With ``folders``, only in so many folders that are chosen by chance: some storages take long to tell the age of a
    file. Files of a storage that does not tell it are kept.
    """
    storage, root = store.results_storage(), previews_folder()
    kinds = store.listed(storage, root, folders=True)
    chosen = [one for kind in kinds for one in store.listed(storage, kind, folders=True)]
    if folders is not None:
        chosen = random.sample(chosen, min(folders, len(chosen)))
    long_ago = timezone.now() - timedelta(days=days)
    for folder in chosen:
        for name in store.listed(storage, folder):
            with suppress(StorageError), reading():
                if storage.get_modified_time(name) < long_ago:
                    yield name
