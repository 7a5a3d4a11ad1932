"""The admin: what a merchant clicks. Each page translates a request into one flow call and its errors back."""

from __future__ import annotations

from product_imagery.admin import brought, credentials, enhancements, items, keys, outgoing, presets, records, versions
from product_imagery.admin.actions import EnhanceImagesMixin

__all__ = [
    "EnhanceImagesMixin",
    "brought",
    "credentials",
    "enhancements",
    "items",
    "keys",
    "outgoing",
    "presets",
    "records",
    "versions",
]
