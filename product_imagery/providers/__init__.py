"""The shipped providers, one folder each. ``provider_kit.registry`` finds them."""

from __future__ import annotations
