"""Tools of the example project, which no installation needs."""

from __future__ import annotations
