"""Probes of the rows: work that does not move, failing tasks, credentials, clocks, and pending decisions."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import ValidationError

from product_imagery.doctor.findings import Finding, problem
from product_imagery.exceptions import ImageryError
from product_imagery.flows.worker import health
from product_imagery.models import EnhancementItem, ProviderCredential, ResultImage, WebhookDelivery, WorkerTrouble
from product_imagery.states import ItemStatus, Publication

_NOTHING_LOST = "Nothing is lost and nothing is bought twice."


def progress() -> Iterator[Finding]:
    """Find work that is due and does not move, by kind."""
    slot = health.last_sign_of_life()
    seen = (
        f"A worker was last seen {slot.seen_at:%Y-%m-%d %H:%M:%S} ({slot.holder})."
        if slot
        else "No worker was ever seen."
    )
    living = health.workers().exists()
    advice = (
        "although a worker shows itself: see the other findings and its log, then restart the workers."
        if living
        else "and no worker moves it: start or restart the workers."
    )
    found = False
    for stuck in health.stuck_work():
        found = True
        what = f"{stuck.number} {stuck.kind} have waited for {stuck.seconds:.0f} s"
        yield problem("workers", f"{what}, {_note(stuck.kind) or advice} {_NOTHING_LOST} {seen}")
    if not found:
        yield Finding("workers", True, seen)
    ahead = health.dated_ahead()
    if ahead is not None:
        when = f"{ahead.seen_at:%Y-%m-%d %H:%M:%S}"
        detail = f"The last sign of life of {ahead.holder} is dated ahead, {when}: a clock was wrong."
        yield problem("clocks", f"{detail} Compare the clocks of this machine, its workers and the database.")


def _note(kind: str) -> str:
    if kind != "publications that fail":
        return ""
    notes = ResultImage.objects.filter(publication=Publication.WAITING).exclude(publication_note="")
    note = notes.order_by("pk").values_list("publication_note", flat=True).first()
    return f"the first because of this: “{note}” They are tried again each minute; make the products' storage writable."


def failing_tasks() -> Iterator[Finding]:
    """Find tasks of workers that fail, and webhook calls of providers that were set aside."""
    known = list(WorkerTrouble.objects.current())
    for one in known:
        detail = f"“{one.task}” has failed {one.failures} times on {one.machine} since {one.since:%Y-%m-%d %H:%M:%S}"
        yield problem("tasks", f"{detail}: {one.reason} Everything else goes on; the task is tried again by itself.")
    deliveries = WebhookDelivery.objects.set_aside()
    count = deliveries.count()
    if count:
        reason = deliveries.order_by("-pk").values_list("outcome", flat=True).first()
        detail = f"{count} calls of providers were set aside, the last because of this: {reason}"
        yield problem("tasks", f"{detail} Process them again in the admin or with “manage.py imagery_webhooks”.")
    if not known and not count:
        yield Finding("tasks", True)


def credentials() -> Iterator[Finding]:
    """Find credentials with an unreadable secret or a wrong field, and those that are paused."""
    found = False
    for credential in ProviderCredential.objects.filter(is_active=True):
        detail = _fault(credential)
        if not detail and credential.paused_at:
            detail = f"{credential} is paused: {credential.paused_reason}"
        if detail:
            found = True
            yield problem("accounts", detail)
    if not found:
        yield Finding("accounts", True)


def _fault(credential: ProviderCredential) -> str:
    try:
        credential.secret()
        credential.clean()
    except ImageryError as error:
        return f"{credential}: {error.message}"
    except ValidationError as error:
        return f"{credential}: {' '.join(error.messages)}"
    return ""


def clocks() -> Iterator[Finding]:
    """Find providers whose clocks differ from ours."""
    wrong = health.wrong_clocks()
    for credential in wrong:
        skew = f"{credential.clock_skew:+.0f} s from ours"
        yield problem("clocks", f"{credential}: its provider's clock is {skew}; webhooks may be refused.")
    if not wrong:
        yield Finding("clocks", True)


def decisions() -> Iterator[Finding]:
    """Find pictures that need a decision."""
    count = EnhancementItem.objects.filter(status=ItemStatus.STALLED).count()
    yield Finding("decisions", not count, f"{count} pictures need a decision in the admin." if count else "")
