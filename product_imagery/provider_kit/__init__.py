"""What an author of a provider imports. Plain Python: no Django, no models."""

from __future__ import annotations
