"""Work in this process until an enhancement has ended, with a bar on a terminal."""

from __future__ import annotations

import threading
import time

from tqdm import tqdm

from product_imagery.flows.pump import pump_slice
from product_imagery.models import Enhancement, ResultImage
from product_imagery.states import Publication


def work_until_ended(enhancement: Enhancement, *, bar: bool) -> Enhancement:
    """Pump (or watch, while another worker holds the slot) until all items ended and nothing waits to be published."""
    stop = threading.Event()
    total = enhancement.items.count()
    with tqdm(total=total, unit="picture", disable=not bar) as progress:
        while True:
            ran = pump_slice(seconds=1.0, until_idle=False, stop=stop).ran
            current = Enhancement.objects.with_progress().get(pk=enhancement.pk)
            progress.update(total - current.open - progress.n)  # type: ignore[attr-defined]
            if not current.is_active and not _waiting(enhancement):
                return current
            if not ran:
                time.sleep(0.5)


def _waiting(enhancement: Enhancement) -> bool:
    return ResultImage.objects.filter(
        item__enhancement=enhancement, publication=Publication.WAITING, claimed_until=None
    ).exists()
