"""Views that belong to no view set: documentation pages, the schema, and the fallback for unknown URLs."""

from __future__ import annotations
