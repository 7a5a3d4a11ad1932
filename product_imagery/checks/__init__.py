"""System checks, one module per subject. Importing the package registers them; ``docs/system-checks.md`` lists them.

Checks read settings and declarations, not rows: what changes at run time is a probe in ``doctor``.

The check of admin sites is in ``admin/checks.py``, so that it exists only where the admin is installed.
"""

from __future__ import annotations

from product_imagery.checks import (
    database,
    local_engine,
    products,
    provenance,
    providers,
    queue,
    security,
    settings,
    storage,
)

__all__ = [
    "database",
    "local_engine",
    "products",
    "provenance",
    "providers",
    "queue",
    "security",
    "settings",
    "storage",
]
