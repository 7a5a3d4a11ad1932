"""A page to look at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page: its name, which says the state that it shows, and its path."""

    name: str
    path: str
