"""Messages at the terminal about what a command is waiting for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from product_imagery.models import EnhancementItem, EventDelivery, ProviderJob, ResultImage
from product_imagery.states import OPEN_ITEMS, JobState, Publication

LOOK_SECONDS = 5.0


class Waiting:
    """Callable that writes the reason for waiting, of one enhancement or of all.

    Call it often: it writes at most every five seconds, and only when the reason has changed.
    """

    def __init__(self, write: Callable[[str], object], enhancement: Any = None) -> None:
        self._write, self._enhancement = write, enhancement
        self._reported = ""
        self._next = time.monotonic() + LOOK_SECONDS

    def __call__(self) -> None:
        """Write the reason if it is time to and it has changed."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_SECONDS
        reason, when = waiting_reason(self._enhancement)
        if reason and reason != self._reported:
            self._reported = reason
            self._write(f"{reason}{when}")


def waiting_reason(enhancement: Any = None) -> tuple[str, str]:
    """Return the reason for waiting and the time of the next try, as sentences.

    Both are empty while work is being done, and when there is none.
    """
    of = {"enhancement": enhancement} if enhancement else {}
    return _later(of) or _at_providers(of) or _publications(of) or ("" if of else _events(), "")


def _later(of: dict[str, Any]) -> tuple[str, str] | None:
    """Return the first error after which an item is tried again."""
    waiting = EnhancementItem.objects.filter(status__in=OPEN_ITEMS, job__due_at__gt=timezone.now(), **of)
    waiting = waiting.exclude(error_message="").order_by("job__due_at")
    first = waiting.select_related("job").first()
    if first is None or first.job is None:
        return None
    also = f" (and {number} more)" if (number := waiting.count() - 1) else ""
    moment = timezone.localtime(first.job.due_at) if timezone.is_aware(first.job.due_at) else first.job.due_at
    return f"Waiting for {first.label}{also}: {first.error_message}", f" Tried again at {moment:%H:%M:%S}."


def _at_providers(of: dict[str, Any]) -> tuple[str, str] | None:
    running = ProviderJob.objects.filter(state__in=(JobState.RUNNING, JobState.CHECKING), **of)
    names = sorted(set(running.values_list("credential__label", flat=True)))
    return (f"Waiting for pictures that are being made at: {', '.join(names)}.", "") if names else None


def _publications(of: dict[str, Any]) -> tuple[str, str] | None:
    waiting = ResultImage.objects.filter(publication=Publication.WAITING, **of).exclude(publication_note="")
    first = waiting.select_related("item").first()
    return (f"Waiting for the publication of {first.item}: {first.publication_note}", "") if first else None


def _events() -> str:
    number = EventDelivery.objects.fresh().count()
    return f"Waiting for {number} events that receivers have not accepted yet." if number else ""
