"""Accounts at the fake providers."""

from __future__ import annotations

from tests.hosted.conftest import account, fakes

__all__ = ["account", "fakes"]
