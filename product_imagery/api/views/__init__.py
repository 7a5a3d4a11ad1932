"""Single views: documentation pages, the schema, and the response to unknown URLs."""

from __future__ import annotations
