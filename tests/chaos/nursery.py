"""Forks one worker after the other, each from the same loaded process; prints their process ids.

``CHAOS_WITHOUT`` switches a safeguard off, to see that the checker notices: ``idempotency`` (another key each time),
``intent`` (a create that was begun counts as never sent), ``grace`` (a lost create is looked up at once) or ``lease``
(a job may be taken by two workers, each of which may write).
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from typing import Any


def main() -> None:
    import django

    django.setup()
    from django.db import connections

    from product_imagery.flows.worker.loop import run_slice

    _switch_off(os.environ.get("CHAOS_WITHOUT", ""))
    while True:
        connections.close_all()
        child = os.fork()
        if not child:
            if os.getppid() == 1:
                os._exit(0)
            while True:
                run_slice(seconds=60)
                time.sleep(0.05)
        print(child, flush=True)
        os.waitpid(child, 0)


def _switch_off(safeguard: str) -> None:
    if safeguard == "idempotency":
        from product_imagery.provider_kit.contract import Job

        real = Job.mark.fget  # type: ignore[attr-defined]
        Job.mark = property(lambda job: f"pi-{uuid.uuid4()}" if job.operation == "white_background" else real(job))
    elif safeguard == "intent":
        from product_imagery.flows.hosted import failures, mailbox

        mailbox._write_intents = lambda intents: len([future.set_result(None) for _, future in intents])
        failures._VERDICTS[failures.Verdict.UNKNOWN] = failures._later
    elif safeguard == "grace":
        from product_imagery.flows.hosted import failures
        from product_imagery.flows.worker import maintenance

        failures.GRACE_SECONDS = maintenance._GRACE = 0.0
    elif safeguard == "lease":
        from product_imagery.models.credential import CredentialQuerySet
        from product_imagery.models.job import JobQuerySet

        CredentialQuerySet.lock = lambda self, pk: None
        JobQuerySet.select_for_update = lambda self, **options: self
        JobQuerySet.free = lambda self, longest=0.0: self
        JobQuerySet.is_held = lambda self, jobs: {job.pk for job in jobs}
        JobQuerySet.held = lambda self, job: self.filter(pk=job.pk)
        JobQuerySet.acquire_calls = _take_all


def _take_all(self: Any, jobs: Any, seconds: float) -> list[Any]:
    for job in jobs:
        job.lease_token = uuid.uuid4()
        job.state = "sending" if job.state == "queued" else job.state
        self.filter(pk=job.pk).update(state=job.state, lease_token=job.lease_token)
    return list(jobs)


if __name__ == "__main__":
    sys.exit(main())
