"""What django-q2 runs. Names never change: queued rows hold them."""

from __future__ import annotations

from product_imagery.background import enqueue_pump
from product_imagery.flows.pump import pump_slice


def pump() -> None:
    """Do due work for one slice, and queue the next slice when more is left."""
    if pump_slice().work_left:
        enqueue_pump()
