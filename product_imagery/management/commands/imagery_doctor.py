"""Is it healthy? For people, and as a watchdog for supervisors."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core import checks
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.management.base import CommandParser

from product_imagery import files
from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError
from product_imagery.flows import health
from product_imagery.management.door import ImageryCommand
from product_imagery.models import EnhancementItem, ProviderCredential
from product_imagery.providers.local.model import MATTING, is_present
from product_imagery.states import ItemStatus

_Finding = tuple[str, bool, str]


class Command(ImageryCommand):
    """Exit code 1 when something needs a person or a restart of the workers."""

    help = "Check settings, storage, model and workers. Exits with 1 when due work has not moved for 60 seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        """How."""
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run all examinations; one that fails does not keep the others from running."""
        findings = [
            finding
            for look in (_system, _storage, _model, _work, _events, _accounts, _clocks, _stalled)
            for finding in look()
        ]
        if options["json"]:
            self.print_json([{"what": what, "ok": ok, "detail": detail} for what, ok, detail in findings])
        else:
            self.print_table(("what", "state", ""), [(w, "ok" if ok else "PROBLEM", d) for w, ok, d in findings])
        if not all(ok for _, ok, _ in findings):
            raise SystemExit(1)


def _system() -> Iterator[_Finding]:
    messages = [message for message in checks.run_checks() if str(message.id).startswith("product_imagery.")]
    for message in messages:
        yield str(message.id), False, f"{message.msg} {message.hint or ''}"
    if not messages:
        yield "settings", True, ""


def _storage() -> Iterator[_Finding]:
    """Write a small file, read it back, delete it."""
    storage = files.results_storage()
    content = uuid.uuid4().hex.encode()
    try:
        stored = storage.save(f"{get_settings().folder}/doctor-{content.decode()[:8]}", ContentFile(content))
        with storage.open(stored) as handle:
            same = handle.read() == content
        storage.delete(stored)
    except Exception as error:  # noqa: BLE001  a storage may fail in any way; that is the finding
        yield "storage", False, repr(error)
        return
    yield "storage", same, "" if same else "What was read back is not what was written."


def _model() -> Iterator[_Finding]:
    settings = get_settings()
    if settings.model_path:
        yield "model", Path(settings.model_path).is_file(), settings.model_path
        return
    here = is_present(MATTING, settings.models())
    yield "model", here, "" if here else "Run “manage.py imagery_model fetch”."


def _work() -> Iterator[_Finding]:
    slot = health.last_sign_of_life()
    seen = f"last seen {slot.seen_at:%Y-%m-%d %H:%M:%S} ({slot.holder})" if slot and slot.seen_at else "none seen yet"
    overdue = health.overdue_work()
    problem = f"{overdue} pieces of work are due and nobody moves them; restart the workers. " if overdue else ""
    yield "workers", not overdue, problem + seen


def _events() -> Iterator[_Finding]:
    late = health.undelivered()
    yield "events", not late, f"{late} events have waited for an hour to be sent." if late else ""


def _accounts() -> Iterator[_Finding]:
    """Keys that cannot be read, what is entered wrong, and what is paused."""
    found = False
    for credential in ProviderCredential.objects.filter(is_active=True):
        try:
            credential.secret()
            credential.clean()
        except (ImageryError, ValidationError) as error:
            found = True
            said = error.message if isinstance(error, ImageryError) else " ".join(error.messages)
            yield "accounts", False, f"{credential}: {said}"
            continue
        if credential.paused_at:
            found = True
            yield "accounts", False, f"{credential} is paused: {credential.paused_reason}"
    if not found:
        yield "accounts", True, ""


def _clocks() -> Iterator[_Finding]:
    wrong = health.wrong_clocks()
    for credential in wrong:
        detail = (
            f"{credential}: its provider's clock is {credential.clock_skew:+.0f} s from ours; webhooks may be refused."
        )
        yield "clocks", False, detail
    if not wrong:
        yield "clocks", True, ""


def _stalled() -> Iterator[_Finding]:
    count = EnhancementItem.objects.filter(status=ItemStatus.STALLED).count()
    yield "decisions", not count, f"{count} pictures need a decision in the admin." if count else ""
