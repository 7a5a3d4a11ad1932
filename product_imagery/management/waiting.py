"""Messages at the terminal about what a command is waiting for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from product_imagery.flows.worker.waiting import Code, reasons
from product_imagery.models import EventDelivery

LOOK_SECONDS = 5.0
_UNSAID = (Code.NO_WORKER, Code.PREPARING, Code.BUDGET, Code.MACHINE)  #: the command itself works, or its bar shows it


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
    for reason in reasons(enhancement):
        if reason.code in _UNSAID:
            continue
        if reason.until is None:
            return reason.sentence, ""
        moment = timezone.localtime(reason.until) if timezone.is_aware(reason.until) else reason.until
        return reason.sentence, f" Tried again at {moment:%H:%M:%S}."
    return "" if enhancement else _events(), ""


def _events() -> str:
    number = EventDelivery.objects.fresh().count()
    return f"Waiting for {number} events that receivers have not accepted yet." if number else ""
