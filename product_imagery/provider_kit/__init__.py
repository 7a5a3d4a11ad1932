"""Toolkit for authors of providers, in plain Python: no Django, no models."""

from __future__ import annotations
