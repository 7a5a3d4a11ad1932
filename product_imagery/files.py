"""The storage of results under the path by which migrations refer to it; everything else is in ``storage``."""

from __future__ import annotations

from product_imagery.storage.store import results_storage

__all__ = ["results_storage"]
