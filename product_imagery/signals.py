"""Signals, sent after the transaction that they report has been committed.

A receiver that raises is logged and affects nothing else. A worker sends signals from a separate thread, so that a slow
receiver does not delay its work; a request sends them itself.

``enhancement_finished(enhancement)``, ``item_completed(item)``, ``item_failed(item)``, ``result_approved(result)``,
``result_reopened(result)``, ``image_published(version)``, ``image_restored(version)`` and
``credential_paused(credential)``; the sender is the class of the instance.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models, transaction
from django.dispatch import Signal

enhancement_finished = Signal()
item_completed = Signal()
item_failed = Signal()
result_approved = Signal()
result_reopened = Signal()  #: its approval was undone
image_published = Signal()
image_restored = Signal()
credential_paused = Signal()  #: nothing is sent with the credential until a person resumes it

logger = logging.getLogger("product_imagery")


_Run = Callable[[Callable[[], None]], object]
_run: ContextVar[_Run | None] = ContextVar("product_imagery_receivers", default=None)


@contextmanager
def sent_by(run: _Run) -> Iterator[None]:
    """Hand signals that are sent inside the block to ``run``, as callables."""
    token = _run.set(run)
    try:
        yield
    finally:
        _run.reset(token)


def send_on_commit(signal: Signal, **subject: models.Model) -> None:
    """Send ``signal`` with one named instance when the current transaction is committed."""
    run_on_commit(functools.partial(_send, signal, subject))


def run_on_commit(action: Callable[[], None]) -> None:
    """Run code of the shop when the current transaction is committed, in the thread that receivers run in."""
    run = _run.get()
    transaction.on_commit(functools.partial(run, action) if run else action)


def _send(signal: Signal, subject: dict[str, Any]) -> None:
    (instance,) = subject.values()
    for receiver, response in signal.send_robust(sender=type(instance), **subject):
        if isinstance(response, Exception):
            logger.error("A receiver of a product_imagery signal failed: %r", receiver, exc_info=response)
