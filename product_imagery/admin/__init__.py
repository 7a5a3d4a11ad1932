"""The admin: what a merchant clicks. Each page translates a request into one flow call and its errors back."""

from __future__ import annotations

from product_imagery.admin import (
    brought,
    checks,
    credentials,
    enhancements,
    items,
    keys,
    outgoing,
    presets,
    records,
    versions,
)
from product_imagery.admin.actions import EnhanceImagesMixin
from product_imagery.admin.sites import register

__all__ = [
    "EnhanceImagesMixin",
    "brought",
    "checks",
    "credentials",
    "enhancements",
    "items",
    "keys",
    "outgoing",
    "presets",
    "records",
    "register",
    "versions",
]
