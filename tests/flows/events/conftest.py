"""Callers by API and their endpoints."""

from __future__ import annotations

from tests.api.conftest import caller, verified

__all__ = ["caller", "verified"]
