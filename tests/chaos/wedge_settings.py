"""The example shop, with what ``WEDGE`` says wrong in it."""

from __future__ import annotations

import os

from example_project import settings as example
from example_project.settings import *  # noqa: F403
from example_project.settings import STORAGES

_WEDGE = os.environ.get("WEDGE", "")
PRODUCT_IMAGERY = {
    **example.PRODUCT_IMAGERY,
    "PROCESSES": 1,
    "HEALTH_TOKEN": os.environ.get("WEDGE_TOKEN", ""),
    "FETCH_ALLOW": ("127.0.0.1:9",),
}
if _WEDGE == "memory":
    PRODUCT_IMAGERY["MEMORY_PER_PROCESS"] = 100_000_000
if _WEDGE == "storage":
    PRODUCT_IMAGERY["STORAGE"] = "hanging"
    STORAGES = {**STORAGES, "hanging": {"BACKEND": "tests.chaos.wedge_shop.Hanging"}}
if _WEDGE == "receiver":
    INSTALLED_APPS = [*example.INSTALLED_APPS, "tests.chaos.wedge_shop.HangingReceiver"]
LOGGING = {"version": 1, "disable_existing_loggers": True}
