"""Runs of the local engine: jobs are leased, done in threads that use imaging processes, and written down."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

from product_imagery.conf import Settings
from product_imagery.flows import local_jobs
from product_imagery.flows.guard import Guard
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.models import ProviderJob
from product_imagery.provider_kit.registry import all_providers

_ENGINE_PAUSE = 60.0  #: seconds at most between two tries of an engine that does not work


class LocalRuns:
    """Jobs of the local engine that are under way: as many at once as there are imaging processes."""

    def __init__(self, settings: Settings, pool: ImagingPool, guard: Guard) -> None:
        self._seconds, self._pool, self._guard = settings.claim_seconds, pool, guard
        self._processes = settings.pool_limits().processes
        self._threads = ThreadPoolExecutor(self._processes, thread_name_prefix="imagery")
        self._running: dict[Future[local_jobs.Done], ProviderJob] = {}
        self._providers = [slug for slug, provider in all_providers().items() if provider.computes]
        self._failures = 0
        self._next = 0.0

    def begin(self) -> int:
        """Begin as many jobs as there are idle processes; return how many. The others stay free for other workers."""
        if time.monotonic() < self._next:
            return 0
        idle = self._processes - len(self._running)
        if self._failures:
            idle = min(idle, 1 - len(self._running))
        if idle <= 0:
            return 0
        jobs = ProviderJob.objects.acquire_due(self._providers, idle, self._seconds)
        for task in local_jobs.prepare(jobs):
            future = self._threads.submit(local_jobs.perform, task, self._pool)
            self._running[future] = task.job
        return len(jobs)

    def collect(self) -> int:
        """Write down the results of finished jobs; return how many."""
        finished = [future for future in self._running if future.done()]
        for future in finished:
            self._note_engine(future.result())
            local_jobs.record(future.result())
            del self._running[future]
        return len(finished)

    def _note_engine(self, done: local_jobs.Done) -> None:
        """Slow down while the engine of this machine fails: one job at a time, after a pause, until one succeeds."""
        if done.machine and done.error is not None:
            self._failures += 1
            self._next = time.monotonic() + min(_ENGINE_PAUSE, 2.0**self._failures)
            self._guard.note("make pictures", done.error)
        elif done.error is None:
            self._failures = 0
            self._guard.end("make pictures")

    @property
    def busy(self) -> bool:
        """True while there is a job whose result is not written down."""
        return bool(self._running)

    def jobs(self) -> list[ProviderJob]:
        """Return these jobs."""
        return list(self._running.values())

    def return_jobs(self) -> None:
        """Return jobs whose results are not written down; those that had not begun count as no attempt."""
        for future, job in self._running.items():
            local_jobs.return_job(job, begun=not future.cancel())

    def close(self) -> None:
        """End the threads, each as soon as its job is over."""
        self._threads.shutdown(wait=False, cancel_futures=True)
