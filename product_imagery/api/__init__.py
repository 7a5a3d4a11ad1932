"""The REST API. A view translates a request into one call of ``flows``, and its errors into responses.

DRF is imported only here; ruff enforces it.
"""

from __future__ import annotations
