"""Work in this process until an enhancement has ended, with a progress bar."""

from __future__ import annotations

import sys
import threading
import time
from functools import partial

from tqdm import tqdm

from product_imagery.flows.worker.loop import run_slice
from product_imagery.management.waiting import Waiting
from product_imagery.models import Enhancement, ResultImage
from product_imagery.states import Publication


def work_until_ended(enhancement: Enhancement, *, bar: bool) -> Enhancement:
    """Run slices of the worker loop until all items have ended and no result waits to be published.

    While another worker has the lease, only watch. Does not wait for work that needs a person: a stalled picture, or a
    paused account. Writes to stderr what it has been waiting for after some seconds.
    """
    stop = threading.Event()
    total = Enhancement.objects.with_progress().get(pk=enhancement.pk).total  # type: ignore[attr-defined]
    waiting = Waiting(partial(tqdm.write, file=sys.stderr), enhancement)
    with tqdm(total=total, unit="picture", disable=not bar) as progress:

        def watch() -> None:
            current = Enhancement.objects.with_progress().get(pk=enhancement.pk)
            progress.update(total - current.open - progress.n)  # type: ignore[attr-defined]
            if not current.is_active and not _waiting(enhancement):
                stop.set()
            else:
                waiting()

        while not stop.is_set() and _moves(enhancement):
            if not run_slice(stop=stop, watch=watch).ran:
                time.sleep(0.5)
            watch()
    return Enhancement.objects.get(pk=enhancement.pk)


def _moves(enhancement: Enhancement) -> bool:
    return enhancement.is_preparing or enhancement.jobs.movable().exists() or _waiting(enhancement)


def _waiting(enhancement: Enhancement) -> bool:
    waiting = ResultImage.objects.filter(item__enhancement=enhancement, publication=Publication.WAITING)
    return waiting.filter(publication_note="").exists()
