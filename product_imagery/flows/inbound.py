"""Webhook deliveries of providers: stored, verified, and taken as no more than a reason to poll."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from product_imagery import background
from product_imagery.encryption import MaskedStr, Secret
from product_imagery.exceptions import RequestError, SecretError
from product_imagery.flows.guard import TRANSIENT, attempt, reason_of
from product_imagery.flows.jobs.rollup import resume_items
from product_imagery.flows.log_ids import ids_of_delivery
from product_imagery.models import EnhancementItem, ProviderCredential, ProviderJob, WebhookDelivery, transitions
from product_imagery.models.db_time import from_now
from product_imagery.models.job import JobQuerySet
from product_imagery.provider_kit.contract import HINTED, NEWEST, Delivery
from product_imagery.provider_kit.json_reader import storable
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import ItemStatus, JobState

logger = logging.getLogger("product_imagery")

_KEPT = ("content-type", "user-agent")  #: headers that are stored besides those that the provider names
_ALL = "all:"  #: first word of the outcome of a delivery that names no job
_LATELY = 86_400.0  #: seconds within which a delivery may concern work that a person has decided
_PAUSE = 30.0  #: seconds between polls of all jobs on account of unsigned deliveries


def receive(credential: ProviderCredential, headers: Mapping[str, str], body: bytes, job: str = "") -> WebhookDelivery:
    """Verify a delivery, store it and act on it; return its row. A repeated event returns the row of the first.

    ``job`` is the job's own token from the address. Raises ``RequestError`` (``not_genuine``), with nothing stored,
    when the signature does not fit.
    """
    provider = get_provider(credential.provider)()
    lower = {name.lower(): value for name, value in headers.items()}
    delivery = Delivery(lower, body, timezone.now().timestamp(), credential.settings())
    if not provider.verify(delivery, _secrets(credential)):
        raise RequestError(_("The signature does not fit."), code="not_genuine")
    event = storable(provider.event_id(delivery))[:200]
    known = (*_KEPT, *provider.webhook_headers)
    kept = {name: storable(value)[:500] for name, value in delivery.headers.items() if name in known}
    try:
        with transaction.atomic():
            written = WebhookDelivery.objects.create(
                credential=credential, event_id=event, headers=kept, body=body, job_token=job or None
            )
    except IntegrityError:
        written = WebhookDelivery.objects.select_related("credential").get(credential=credential, event_id=event)
    if written.processed_at is None and written.set_aside_at is None:
        try_to_process(written)
    return written


def try_to_process(written: WebhookDelivery) -> str:
    """Act on a delivery; return the reason if that failed, else an empty text. After some failures it is set aside."""
    error = attempt(partial(process, written))
    if error is None:
        return ""
    logger.error("Delivery %s could not be acted on.", written.pk, exc_info=error, extra=ids_of_delivery(written))
    if isinstance(error, TRANSIENT):  # not a failure of this delivery
        return str(_("The database was busy. The call is taken up again within a few minutes."))
    WebhookDelivery.objects.note_failure(written.pk, reason_of(error))
    return reason_of(error)


def process(written: WebhookDelivery) -> None:
    """Act on a stored delivery: make the jobs that it names due. May be repeated.

    A delivery about a job that is being sent at this moment is left for later: it names the id, should the response
    be lost.
    """
    credential, job = written.credential, str(written.job_token or "")
    delivery = Delivery(written.headers, bytes(written.body), written.received_at.timestamp())
    provider = get_provider(credential.provider)()
    hints = tuple(storable(hint) for hint in provider.hints(delivery))
    confirms = provider.confirms_hints and not job and _is_unknown(credential, hints)
    with transaction.atomic():
        being_sent = credential.jobs.filter(state=JobState.SENDING, sent_at__lte=written.received_at)
        if (job and being_sent.filter(uuid=job).exists()) or (confirms and being_sent.exists()):
            return
        found = _resume_late(credential, hints)
        if job and len(hints) == 1:
            found |= _assign_id(credential, job, hints[0])
        elif confirms:
            found |= _pass_on_hint(credential, hints[0])
        outcome = _look(written, hints, job) + (", one found again" if found else "")
        WebhookDelivery.objects.filter(pk=written.pk).update(processed_at=Now(), set_aside_at=None, outcome=outcome)
        background.wake()


def process_forgotten() -> int:
    """Act on deliveries that were stored and not acted upon, as when their process died; return how many succeeded."""
    found = WebhookDelivery.objects.unprocessed().select_related("credential").order_by("failures", "received_at")
    return sum(not try_to_process(written) for written in list(found[:100]))


def _assign_id(credential: ProviderCredential, job: str, remote_id: str) -> bool:
    """Give a lost job the id that a delivery to its own address names, and poll it; return whether it was lost."""
    lost = ProviderJob.objects.filter(credential=credential, uuid=job, remote_id="", intent_at__isnull=False)
    found: dict[str, Any] = {"remote_id": remote_id, "accepted_at": Now()}
    try:
        with transaction.atomic():
            if transitions.resume(lost.filter(state=JobState.CHECKING), **found):
                return True
            if _offer(lost.filter(state=JobState.FAILED), **found):
                return True
            if not transitions.resume(lost, **found, note=""):
                return False
            resume_items(ProviderJob.objects.get(uuid=job))
            return True
    except IntegrityError:
        return False


def _offer(given_up: JobQuerySet, **found: Any) -> bool:
    """Offer the picture of a job that a person gave up, and that was made after all: a retry only fetches it."""
    jobs = list(given_up.exclude(decision="").select_for_update())
    if not jobs:
        return False
    given_up.filter(pk__in=[job.pk for job in jobs]).update(collectable=True, **found)
    text = _("A person gave this picture up, but the provider has made it after all. To fetch it costs nothing.")
    EnhancementItem.objects.filter(job__in=jobs, status=ItemStatus.FAILED).update(error_message=text)
    return True


def _is_unknown(credential: ProviderCredential, hints: tuple[str, ...]) -> bool:
    """Say whether a delivery is about one job that is not known here."""
    return len(hints) == 1 and not ProviderJob.objects.known(credential.provider, hints)


def _pass_on_hint(credential: ProviderCredential, remote_id: str) -> bool:
    """Have the only lost job of the account look up whether an unknown id is its own; return whether it does.

    Where a person has lately decided about a job, the delivery may be about that one: nothing is done.
    """
    lost = credential.jobs.filter(
        remote_id="", intent_at__isnull=False, state__in=(JobState.CHECKING, JobState.STALLED)
    )
    jobs = list(lost[:2])
    if len(jobs) != 1 or credential.jobs.exclude(decision="").filter(sent_at__gt=from_now(-_LATELY)).exists():
        return False
    (job,) = jobs
    before = credential.jobs.exclude(remote_id="").filter(accepted_at__lt=job.intent_at).order_by("-accepted_at")
    newest = before.values_list("remote_id", flat=True).first() or ""
    remembered = {**job.remembered, HINTED: remote_id, NEWEST: newest}
    same = ProviderJob.objects.free().filter(pk=job.pk, state=job.state)
    moved = transitions.mark_checking(same, 0, remembered=remembered)
    if moved and job.state == JobState.STALLED:
        resume_items(job)
    return bool(moved)


def _resume_late(credential: ProviderCredential, hints: tuple[str, ...]) -> bool:
    """Have stalled jobs that a delivery names polled again: they may have ended after all. Return whether any were."""
    late = credential.jobs.filter(state=JobState.STALLED, remote_id__in=[hint for hint in hints if hint])
    jobs = [job for job in late if transitions.resume(late.filter(pk=job.pk), note="")]
    for job in jobs:
        resume_items(job)
    return bool(jobs)


def _look(written: WebhookDelivery, hints: tuple[str, ...], job: str) -> str:
    """Make the jobs that a delivery is about due now; return the outcome as text."""
    credential = written.credential
    if hints or job:
        return f"{_look_now(credential, hints, job)} jobs looked at"
    if not written.event_id and _looked_at_all_lately(credential):
        return "all jobs were looked at a moment before"
    return f"{_ALL} {_look_now(credential, (), '')} jobs looked at"


def _look_now(credential: ProviderCredential, remote_ids: tuple[str, ...], job_uuid: str = "") -> int:
    """Make running jobs due now: those named, or all of the credential's. Return how many."""
    open_jobs = ProviderJob.objects.filter(credential=credential, state__in=(JobState.RUNNING, JobState.CHECKING))
    if remote_ids:
        open_jobs = open_jobs.filter(remote_id__in=remote_ids)
    elif job_uuid:
        open_jobs = open_jobs.filter(uuid=job_uuid)
    # Locked in the same order as everywhere, against deadlocks.
    pks = list(open_jobs.filter(due_at__gt=Now()).select_for_update().order_by("pk").values_list("pk", flat=True))
    return ProviderJob.objects.filter(pk__in=pks).update(due_at=Now())


def _looked_at_all_lately(credential: ProviderCredential) -> bool:
    """Say whether a delivery without a job's id made all jobs due lately: forged ones would exhaust the limits."""
    lately = WebhookDelivery.objects.filter(credential=credential, received_at__gt=from_now(-_PAUSE))
    return lately.filter(outcome__startswith=_ALL).exists()


def _secrets(credential: ProviderCredential) -> dict[str, tuple[str, ...]]:
    try:
        return {name: tuple(map(_hidden, credential.secrets(name))) for name in credential.secret_names}
    except SecretError:
        return {}


def _hidden(secret: Secret) -> str:
    return MaskedStr(secret.reveal())
