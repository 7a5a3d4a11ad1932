"""The REST API. A view translates a request into one call of ``flows``, and its errors into responses.

No other part of the package imports DRF (ruff: ``TID251``).
"""

from __future__ import annotations
