"""The example shop with short leases, so that killed workers are replaced within seconds."""

from __future__ import annotations

import os

from example_project import settings as example
from example_project.settings import *  # noqa: F403
from example_project.settings import Q_CLUSTER

PRODUCT_IMAGERY = {
    **example.PRODUCT_IMAGERY,
    "SLOTS": int(os.environ.get("SLOTS", "2")),
    "SLOT_SECONDS": 2.0,
    "CLAIM_SECONDS": 4.0,
    "MAX_CLAIMS": 10_000,
    "PROCESSES": 1,
    "CONNECTIONS": 8,
}
Q_CLUSTER = {**Q_CLUSTER, "poll": 0.2}
LOGGING = {"version": 1, "disable_existing_loggers": True}
