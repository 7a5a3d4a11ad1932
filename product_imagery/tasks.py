"""Tasks of django-q2. Their names never change, because queued rows contain them."""

from __future__ import annotations

from product_imagery.background import enqueue_slice
from product_imagery.flows.worker.loop import run_slice


def pump() -> None:
    """Run one slice of the worker loop, and queue the next if work is left."""
    if run_slice().work_left:
        enqueue_slice()
