"""Work that no worker holds any more, and data that nobody needs. Safe at any time, with any number of workers."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta

from django.core.files.storage import Storage
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import EngineError, StorageError
from product_imagery.flows import retention
from product_imagery.flows.enhancements import uploads
from product_imagery.flows.guard import Guard
from product_imagery.flows.jobs.rollup import end_items, update_status
from product_imagery.flows.results.record import delete_strays
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    EventDelivery,
    LimitUse,
    ProviderJob,
    RateUse,
    Selection,
    StoredResponse,
    Upload,
    WebhookDelivery,
    WorkerLease,
    WorkerTrouble,
    transitions,
)
from product_imagery.models.db_time import from_now
from product_imagery.products import registered
from product_imagery.provider_kit.contract import MOST_PATIENCE
from product_imagery.provider_kit.registry import all_providers
from product_imagery.states import ACTIVE_ENHANCEMENTS, ACTIVE_ITEMS, ItemStatus, JobState
from product_imagery.storage.scratch import clear_scratch, clear_temporary
from product_imagery.storage.store import results_storage

_SCRATCH_SECONDS = 3600
_CLEAR_SECONDS = 600
_TIDIED = 200  #: uploads or jobs at once
_FOLDERS = 8  #: of small pictures at once, of at most 512
_RESPONSE_SECONDS = 48 * 3600  #: for how long an Idempotency-Key is remembered
_KEPT_SECONDS = 90 * 86_400  #: for how long webhook deliveries and the bytes of creates are kept
_GRACE = MOST_PATIENCE + 30.0  #: seconds in which a dead worker's create may still arrive


def release_abandoned() -> int:
    """Move jobs on whose leases have expired; return how many.

    Those of the local engine are queued again, at most ``MAX_CLAIMS`` times. Those of hosted providers are looked up
    there if their creates may have been sent, and queued again otherwise.
    """
    abandoned = ProviderJob.objects.abandoned()
    if not abandoned.exists():
        return 0
    most = get_settings().max_claims
    repeatable = [slug for slug, provider in all_providers().items() if provider.repeatable]
    again = abandoned.filter(provider__in=repeatable, attempts__lt=most)
    moved = transitions.requeue(again, taken_over=True)
    transitions.keep_waiting(EnhancementItem.objects.filter(job__state=JobState.QUEUED), ItemStatus.QUEUED)
    for job in abandoned.filter(provider__in=repeatable, attempts__gte=most):
        moved += _give_up(job)
    return moved + _look_up(abandoned.exclude(provider__in=repeatable))


def _give_up(job: ProviderJob) -> int:
    message = gettext("The worker died %(times)s times while it worked on this picture, so it is not tried again.") % {
        "times": job.attempts
    }
    with transaction.atomic():
        ours = ProviderJob.objects.abandoned().filter(pk=job.pk)
        if not transitions.mark_failed(ours, taken_over=True):
            return 0
        end_items([job], ItemStatus.FAILED, EngineError(message, code="kills_workers"))
    return 1


def _look_up(jobs: Iterable[ProviderJob]) -> int:
    """Look jobs up whose intents are written, as they may have been sent. Queue the others; return how many moved."""
    moved = 0
    for job in jobs:
        with transaction.atomic():
            ours = ProviderJob.objects.abandoned().filter(pk=job.pk)
            if job.intent_at is None:
                moved += transitions.requeue(ours.filter(intent_at=None))
            else:
                moved += transitions.mark_checking(ours, _GRACE, taken_over=True)
    return moved


def settle_forgotten() -> None:
    """Close enhancements whose items have all ended, where the last worker died before it did."""
    open_items = EnhancementItem.objects.filter(enhancement=OuterRef("pk")).filter(status__in=ACTIVE_ITEMS)
    forgotten = Enhancement.objects.filter(~Exists(open_items), status__in=ACTIVE_ENHANCEMENTS, preparation=None)
    with transaction.atomic():
        update_status(forgotten.values_list("pk", flat=True))


def clear_up_when_due(guard: Guard | None = None) -> None:
    """Clear up if no worker has done so for ten minutes: single workers may live for less."""
    if WorkerLease.objects.acquire_maintenance(_CLEAR_SECONDS):
        clear_up(guard)


def clear_up(guard: Guard | None = None) -> None:
    """Delete old selections, webhook deliveries, bytes of creates and small pictures, and files that workers left.

    Each step goes through ``guard``: one that fails is tried again next time and does not stop the others.
    """
    guard = guard or Guard()
    for step in _STEPS:
        guard.call(f"clear up: {step.__name__.strip('_').replace('_', ' ')}", step)


def _old_deliveries() -> None:
    long_ago = from_now(-_KEPT_SECONDS)
    WebhookDelivery.objects.filter(received_at__lt=long_ago).delete()
    EventDelivery.objects.filter(created_at__lt=long_ago).delete()


def _old_requests() -> None:
    long_ago = from_now(-_KEPT_SECONDS)
    ProviderJob.objects.filter(finished_at__lt=long_ago, intent__isnull=False).update(intent=None)
    RateUse.objects.filter(at__lt=from_now(-_SCRATCH_SECONDS)).delete()
    StoredResponse.objects.filter(created_at__lt=from_now(-_RESPONSE_SECONDS)).delete()
    Selection.objects.filter(created_at__lt=timezone.now() - timedelta(days=1)).delete()
    WorkerTrouble.objects.delete_old()


def _limits() -> None:
    LimitUse.objects.all().delete_expired()


def _uploads() -> None:
    uploads.discard(Upload.objects.filter(kept=False, created_at__lt=from_now(-_SCRATCH_SECONDS))[:_TIDIED])


def _what_people_wrote() -> None:
    if days := get_settings().retention_days:
        retention.forget(days)


def _old_small_pictures() -> None:
    if days := get_settings().preview_days:
        retention.delete_previews(days, _FOLDERS)


def _temporary_files() -> None:
    clear_temporary(time.time() - _SCRATCH_SECONDS)


def _files_of_overtaken_workers() -> None:
    quiet = from_now(-10 * get_settings().claim_seconds)
    jobs = ProviderJob.objects.filter(taken_over=True, finished_at__lt=quiet).order_by("pk")[:_TIDIED]
    delete_strays(EnhancementItem.objects.filter(job__in=[job.pk for job in jobs]))
    ProviderJob.objects.filter(pk__in=[job.pk for job in jobs]).update(taken_over=False)


def _unfinished_files() -> None:
    """Delete unfinished files from all storages. Raises ``StorageError`` afterwards if one of them failed."""
    failed: list[StorageError] = []
    for storage in _storages():
        try:
            clear_scratch(storage, time.time() - _SCRATCH_SECONDS)
        except StorageError as error:
            failed.append(error)
    if failed:
        raise failed[0]


_STEPS = (
    _old_deliveries,
    _old_requests,
    _limits,
    _uploads,
    _what_people_wrote,
    _old_small_pictures,
    _temporary_files,
    _files_of_overtaken_workers,
    _unfinished_files,
)


def _storages() -> list[Storage]:
    storages = {id(storage): storage for storage in [results_storage()]}
    for description in registered():
        storages[id(description.target_storage)] = description.target_storage
    return list(storages.values())
