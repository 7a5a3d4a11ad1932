"""Do due work in a plain process, without a cluster."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import CommandParser

from product_imagery.flows.pump import has_work, pump_slice
from product_imagery.management.door import ImageryCommand
from product_imagery.management.waiting import Waiting

_STANDBY_SECONDS = 1.0


class Command(ImageryCommand):
    """SIGTERM and SIGINT let it finish what it has begun, for a few seconds; the rest is given back."""

    help = "Do due work without a django-q2 cluster. Runs until stopped, unless --once or --until-idle is given."

    def add_arguments(self, parser: CommandParser) -> None:
        """When to end."""
        end = parser.add_mutually_exclusive_group()
        end.add_argument("--once", action="store_true", help="one slice, then end")
        end.add_argument("--until-idle", action="store_true", help="end when nothing is left to do")

    def handle(self, *args: Any, **options: Any) -> None:
        """Pump slice after slice; stand by while another pump holds the slot."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        done = published = 0
        watch = Waiting(self.stderr.write) if options["until_idle"] else None
        while not stop.is_set():
            seen = pump_slice(until_idle=options["until_idle"], stop=stop, watch=watch)
            done, published = done + seen.done, published + seen.published
            if options["once"] or (options["until_idle"] and not has_work()):
                break
            if not seen.ran or not seen.work_left:
                stop.wait(_STANDBY_SECONDS)
                if watch:
                    watch()
        self.stdout.write(f"{done} jobs done, {published} pictures published.")
