"""The admin: what a merchant clicks. Each page translates a request into one flow call and its errors back."""

from __future__ import annotations

from product_imagery.admin import credentials, enhancements, items, keys, presets, records, versions
from product_imagery.admin.actions import EnhanceImagesMixin

__all__ = ["EnhanceImagesMixin", "credentials", "enhancements", "items", "keys", "presets", "records", "versions"]
