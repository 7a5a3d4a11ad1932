"""View sets of the API. Docstrings of actions are descriptions in the schema."""

from __future__ import annotations
