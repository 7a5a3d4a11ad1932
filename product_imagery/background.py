"""Wake-ups through django-q2 or a queue of the host's. A queued task is only a wake-up, never the record of work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.apps import apps
from django.db import DatabaseError, connections, router, transaction
from django.utils.module_loading import import_string

from product_imagery.conf import get_settings
from product_imagery.exceptions import ConfigurationError

logger = logging.getLogger("product_imagery")

_PUMP = "product_imagery.tasks.pump"
_SCHEDULE = "product_imagery pump"
_MARGIN = 15  #: seconds that a slice may take to stop

_awake: ContextVar[bool] = ContextVar("product_imagery_awake", default=False)


def wake() -> None:
    """Queue a slice of the worker loop on commit, unless the site runs without a queue. Never raises."""
    if not _awake.get():
        transaction.on_commit(enqueue_slice)


@contextmanager
def awake() -> Iterator[None]:
    """Make ``wake`` do nothing inside the block, because the caller runs the worker loop itself."""
    token = _awake.set(True)
    try:
        yield
    finally:
        _awake.reset(token)


def enqueue_slice() -> None:
    """Queue one slice of the worker loop.

    A queue that is down is logged only: the schedule, a worker or the next wake-up takes over.
    """
    try:
        own = own_queue()
        if own:
            own()
        elif apps.is_installed("django_q"):
            _queue_in_django_q()
    except Exception:  # any error of a broker: the work is in our own tables, so nothing is lost
        logger.warning("The wake-up could not be queued; due work waits for the schedule or a worker.", exc_info=True)


def own_queue() -> Callable[[], object] | None:
    """Return the host's function that queues a slice, if it has one. Raises ``ConfigurationError`` (``wake``)."""
    name = get_settings().wake
    if not name:
        return None
    try:
        found = import_string(name)
    except ImportError as error:
        raise ConfigurationError(f"PRODUCT_IMAGERY['WAKE']: {name} cannot be imported: {error}", code="wake") from error
    if not callable(found):
        raise ConfigurationError(f"PRODUCT_IMAGERY['WAKE']: {name} is no function.", code="wake")
    return found  # type: ignore[no-any-return]


def _queue_in_django_q() -> None:
    from django_q.tasks import async_task  # noqa: PLC0415  django-q2 reads the database settings when imported

    # Both options are stored with the task: no result row is kept, and a task that fails is not repeated.
    async_task(_PUMP, q_options={"save": False, "ack_failure": True})


def ensure_schedule(**_: Any) -> None:
    """Create the schedule that runs a slice every minute as a safety net. Connected to ``post_migrate``.

    A host with a queue of its own (``WAKE``) has a schedule of its own, so ours is deleted.
    Without our tables (after ``migrate product_imagery zero``) the schedule and our queued tasks are deleted: once the
    app is uninstalled, each of them would end a worker of the host's cluster.
    """
    if not apps.is_installed("django_q"):
        return
    from django_q.models import Schedule  # noqa: PLC0415  see above

    try:
        if get_settings().wake or not _has_tables():
            _delete_schedule_and_tasks()
            return
        Schedule.objects.get_or_create(
            name=_SCHEDULE, defaults={"func": _PUMP, "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1}
        )
    except DatabaseError:
        logger.info("The next migrate will create the schedule: django-q2 has no tables yet.")


def _has_tables() -> bool:
    model = apps.get_model("product_imagery", "WorkerLease")
    connection = connections[router.db_for_write(model)]
    return model._meta.db_table in connection.introspection.table_names()


def _delete_schedule_and_tasks() -> None:
    from django_q.models import OrmQ, Schedule  # noqa: PLC0415  see above

    Schedule.objects.filter(func=_PUMP).delete()
    ours = [queued.pk for queued in OrmQ.objects.all() if queued.task.get("func") == _PUMP]
    OrmQ.objects.filter(pk__in=ours).delete()


def queue_problems() -> list[str]:
    """Return problems of django-q2's settings as sentences; empty where it does not run our tasks."""
    if get_settings().wake or not apps.is_installed("django_q"):
        return []
    from django_q.conf import Conf  # noqa: PLC0415  see above

    problems = []
    settings = get_settings()
    longest = round(2 * settings.slice_seconds + settings.seconds_per_picture + _MARGIN)
    if not Conf.TIMEOUT or longest > Conf.TIMEOUT:
        problems.append(
            f"Q_CLUSTER['timeout'] should be at least {longest}: a slice and a picture that begins in its last second."
        )
    if Conf.TIMEOUT and Conf.RETRY < Conf.TIMEOUT * 3:
        problems.append("Q_CLUSTER['retry'] should be at least three times the timeout.")
    if not Conf.ACK_FAILURES or not Conf.MAX_ATTEMPTS:
        problems.append(
            "Q_CLUSTER needs 'ack_failures': True and 'max_attempts': 1, or a failing task repeats for ever."
        )
    return problems
