"""Run the worker loop in a plain process, without a cluster."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandParser

from product_imagery.flows.guard import TRANSIENT, DatabaseAway, drop_broken_connections, reason_of
from product_imagery.flows.worker.health import has_work
from product_imagery.flows.worker.loop import Slice, run_slice
from product_imagery.management.base import ImageryCommand
from product_imagery.management.waiting import Waiting

STANDBY_SECONDS = 1.0
_LONGEST_PAUSE = 30.0  #: seconds between tries while the database is unavailable


class Command(ImageryCommand):
    """Stops on SIGTERM and SIGINT: it finishes current work for a few seconds and releases the rest."""

    help = "Do due work without a django-q2 cluster. Runs until stopped, unless --once or --until-idle is given."

    def add_arguments(self, parser: CommandParser) -> None:
        end = parser.add_mutually_exclusive_group()
        end.add_argument("--once", action="store_true", help="run one slice, then end")
        end.add_argument("--until-idle", action="store_true", help="end when nothing is left to do")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run slice after slice; stand by while another worker has the lease."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        done = published = 0
        watch = Waiting(self.stderr.write) if options["until_idle"] else None
        while not stop.is_set():
            seen, work_left = self._slice(stop, watch, until_idle=options["until_idle"])
            done, published = done + seen.done, published + seen.published
            if options["once"] or (options["until_idle"] and not work_left):
                break
            if not seen.ran or not seen.work_left:
                stop.wait(STANDBY_SECONDS)
                if watch:
                    with suppress(*TRANSIENT):  # the next slice waits for the database
                        watch()
        self.stdout.write(f"{done} jobs done, {published} pictures published.")

    def _slice(self, stop: threading.Event, watch: Waiting | None, *, until_idle: bool) -> tuple[Slice, bool]:
        """Run one slice; return its report and whether work is left. Waits as long as the database is unavailable."""
        pause = STANDBY_SECONDS
        while not stop.is_set():
            try:
                return run_slice(until_idle=until_idle, stop=stop, watch=watch), has_work()
            except (DatabaseAway, *TRANSIENT) as error:
                drop_broken_connections()
                reason = reason_of(error.__cause__ or error)
                self.stderr.write(f"The database does not answer ({reason}). Trying again in {pause:.0f} seconds.")
                stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        return Slice(), False
