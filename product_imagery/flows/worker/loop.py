"""The worker loop: lease due work, do it in threads, write down what comes back. One slot, many jobs."""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from product_imagery import background, signals
from product_imagery.conf import Settings, get_settings
from product_imagery.flows import inbound
from product_imagery.flows.enhancements import cancel, prepare
from product_imagery.flows.events import sender
from product_imagery.flows.guard import Chore, DatabaseAway, Guard, attempt, wait_for_database
from product_imagery.flows.hosted.mailbox import Mailbox
from product_imagery.flows.money import restore_guard
from product_imagery.flows.results import publish
from product_imagery.flows.results.fetch import Tools
from product_imagery.flows.worker import clocks, cores, maintenance
from product_imagery.flows.worker.beside import Beside, raise_if_late
from product_imagery.flows.worker.health import has_work
from product_imagery.flows.worker.hosted_calls import HostedCalls
from product_imagery.flows.worker.local_runs import LocalRuns
from product_imagery.flows.worker.publications import Publications
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.models import ProviderJob, WorkerLease
from product_imagery.net.foreign import open_connections
from product_imagery.public_urls import read_urls
from product_imagery.storage.workspace import Workspace

TICK_SECONDS = 0.25  #: seconds at most between two looks at the mailbox, and more pause for a worker without work
ROUND_SECONDS = 0.4  #: seconds of a round in which calls are being made
_SHORTEST = 0.1  #: seconds of a round in which all calls have ended
GATHER_SECONDS = 0.03  #: seconds in which more messages may come, to be processed together
_SENT_SECONDS = 60.0  #: wait of a stopping worker for the responses to its creates, unless it is killed before
_WATCH_SECONDS = 0.5
_STOP_SECONDS = 8.0  #: wait of a stopping worker for what it has begun


@dataclass
class Slice:
    """Counts of one run of the loop. ``ran`` is false when all slots were taken."""

    ran: bool = True
    done: int = 0
    published: int = 0
    work_left: bool = False


def run_slice(
    *,
    seconds: float | None = None,
    until_idle: bool = False,
    stop: threading.Event | None = None,
    watch: Callable[[], object] | None = None,
) -> Slice:
    """Do due work for ``seconds`` (default: the setting), or until none is left, or until ``stop`` is set.

    ``watch`` is called about twice a second; what it raises ends the run.
    """
    settings = get_settings()
    holder = f"{platform.node()}:{os.getpid()}"
    slot = WorkerLease.objects.acquire_seat(seats=settings.slots, seconds=settings.slot_seconds, holder=holder)
    if slot is None:
        return Slice(ran=False)
    try:
        loop = WorkerLoop(slot, settings, stop or threading.Event())
        if watch is not None:
            loop.watch = watch
        with (
            loop.receivers_beside(),
            contextlib.closing(loop),
            background.awake(),
            cores.one_core() if settings.pin_threads else contextlib.nullcontext(),
            cores.calm_memory(),
        ):
            loop.run(seconds if seconds is not None else settings.slice_seconds, until_idle)
    finally:
        slot.release()
    loop.report.work_left = has_work()
    return loop.report


class WorkerLoop:
    """Runs everything that is due, in rounds, with one slot and one database connection."""

    def __init__(self, slot: WorkerLease, settings: Settings, stop: threading.Event) -> None:
        self.report = Slice()
        self._slot, self._settings, self._stop = slot, settings, stop
        read_urls()
        self._tools = Tools(ImagingPool(settings.pool_limits()), open_connections(keep=True), Workspace())
        self._guard = Guard()
        self._wake = threading.Event()
        self._mailbox = Mailbox(self._wake)
        self._hosted = HostedCalls(settings, self._tools, self._mailbox, self._guard, self._wake.set)
        self._local = LocalRuns(settings, self._tools.pool, self._guard)
        self._sender = sender.Sender()
        self._publications = Publications(settings, self._wake.set)
        self._receivers = Beside(1, "imagery-receivers", self._wake.set)  # one thread: signals arrive in their order
        self._lost = False
        self._noted = 0
        # The first of the chores, before anything is sent.
        self._may_send = Chore(60.0, "look for a restored database", restore_guard.pause_if_restored)
        self.watch: Callable[[], object] | None = None
        self._watch_at = 0.0
        self._chores = self._make_chores()

    def receivers_beside(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which receivers of signals run in a thread beside the loop."""
        return signals.sent_by(self._receivers.submit)

    def _make_chores(self) -> list[Chore]:
        settings = self._settings
        return [
            self._may_send,
            Chore(settings.slot_seconds / 4, "renew the slot", self._renew_slot),
            Chore(settings.claim_seconds / 4, "renew leases", self._renew_leases),
            Chore(60.0, "correct dates", clocks.correct_dates),
            Chore(1.0, "release jobs of dead workers", maintenance.release_abandoned),
            Chore(5.0, "cancel what came back", cancel.cancel_returned),
            Chore(5.0, "note spending", self._note_spending),
            Chore(5.0, "wait for the shop's code", partial(raise_if_late, self._publications.threads, self._receivers)),
            Chore(60.0, "keep temporary files", self._tools.workspace.touch),
            Chore(60.0, "close enhancements", maintenance.settle_forgotten),
            Chore(60.0, "act on calls of providers", inbound.process_forgotten),
            Chore(60.0, "set endless publications aside", publish.give_up_endless),
            Chore(60.0, "clear up", partial(maintenance.clear_up_when_due, self._guard)),
        ]

    def _note_spending(self) -> None:
        written = self._mailbox.written
        if written > self._noted and restore_guard.note_spending():
            self._noted = written

    def _renew_slot(self) -> None:
        self._lost = not self._slot.renew(self._settings.slot_seconds)

    def _renew_leases(self) -> None:
        seconds, now = self._settings.claim_seconds, time.monotonic()
        held = ProviderJob.objects.renew([*self._local.jobs(), *self._hosted.jobs()], seconds)
        self._hosted.extend(held, now + seconds)
        self._publications.renew(seconds)

    def run(self, seconds: float, until_idle: bool) -> None:
        """Process the mailbox at once, and everything else in rounds, so that what has gathered is written together.

        A round while calls are being made::

            0.00  chores, ended calls, publications, events; due jobs are leased, their calls given to threads
            0.02  a thread asks for its intent to be written   -> mailbox wakes the loop
            0.05  31 more have asked: all 32 intents in one transaction, then 32 creates are sent
            0.31  the first responses are there and wait       (0.10 instead of 0.40 once all have ended)
            0.40  next round: their outcomes in one transaction

        After ``seconds`` more is begun only while something runs, and for as long again at most.
        """
        end = time.monotonic() + seconds
        open_for_more = True  # at least once, however slow this machine is
        while not (self._stop.is_set() or self._lost):
            pause = time.monotonic() + ROUND_SECONDS
            self._show()
            moved = self._round(may_send_events=until_idle or time.monotonic() < end, open_for_more=open_for_more)
            busy = self._local.busy or self._hosted.busy or self._sender.busy or self._beside_busy()
            # Past the end, one slow call does not keep the others waiting: more is begun for as long again.
            open_for_more = until_idle or time.monotonic() < end + (seconds if busy else 0.0)
            if not moved and not busy and (not open_for_more or self._is_idle()):
                return
            self._process_mailbox_until(pause if moved or busy else pause + TICK_SECONDS)

    def _round(self, *, may_send_events: bool, open_for_more: bool) -> int:
        """Look after everything once; return how much was moved. While the database is away, wait for it."""
        count = self._guard.count
        try:
            for chore in self._chores:
                chore(self._guard)
            moved = count("collect", self._collect) + count("publish", self._publish)
            moved += count("send events", self._sender.turn if may_send_events else self._sender.collect)
            if open_for_more:
                moved += count("prepare", prepare.prepare_due) + count("lease jobs", self._local.begin)
                moved += count("call", self._call)
            return moved
        except DatabaseAway:
            wait_for_database(self._stop)
            return 1

    def _collect(self) -> int:
        done = self._local.collect() + self._hosted.collect()
        self.report.done += done
        return done

    def _publish(self) -> int:
        self._receivers.tend()
        ended, published = self._publications.collect()
        self.report.published += published
        return ended + self._publications.begin()

    def _call(self) -> int:
        """Begin calls at hosted providers, unless the database may have been restored."""
        return self._hosted.begin() if self._may_send.went_well else 0

    def _is_idle(self) -> bool:
        idle: list[bool] = []
        error = attempt(lambda: idle.append(not has_work()))
        return error is None and idle[0]

    def _beside_busy(self) -> bool:
        return self._publications.threads.busy or self._receivers.busy

    def _show(self) -> None:
        if self.watch is not None and time.monotonic() >= self._watch_at:
            self._watch_at = time.monotonic() + _WATCH_SECONDS
            self.watch()

    def _process_mailbox_until(self, moment: float) -> None:
        """Process messages as they come, until ``moment`` (monotonic), or earlier when all calls have ended."""
        early = min(moment, time.monotonic() + _SHORTEST)
        while not self._stop.is_set():
            self._mailbox.process()
            left = (early if self._hosted.all_ended else moment) - time.monotonic()
            if left <= 0:
                return
            if self._wake.wait(min(left, TICK_SECONDS)):
                time.sleep(min(left, GATHER_SECONDS))
            self._wake.clear()

    def close(self) -> None:
        """Wait a few seconds for what is running, and longer for sent creates; return the other jobs."""
        now = time.monotonic()
        deadline = now + (_STOP_SECONDS if not self._lost else 0.0)
        last = now + (_SENT_SECONDS if not self._lost else 0.0)  # what was sent is paid for: worth a wait
        try:
            recalled = self._hosted.recall()
            while self._under_way(sent_only=time.monotonic() > deadline) and time.monotonic() < last:
                if not self._mailbox.process() + self._collect_if_possible():
                    self._wake.wait(ROUND_SECONDS)
                    self._wake.clear()
            self._local.return_jobs()
            self._hosted.return_jobs(recalled)
            self._note_spending()
        finally:
            self._mailbox.close()
            self._sender.close()
            self._tools.close()
            self._local.close()
            self._hosted.close()

    def _collect_if_possible(self) -> int:
        with contextlib.suppress(DatabaseAway):
            return self._guard.count("collect", self._collect)
        return 0

    def _under_way(self, *, sent_only: bool) -> bool:
        if sent_only:
            return self._hosted.has_sent
        return self._local.busy or self._hosted.busy or self._beside_busy()
