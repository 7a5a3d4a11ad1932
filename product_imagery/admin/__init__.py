"""Admin pages for merchants and operators. Each translates a request into one call and its errors into messages."""

from __future__ import annotations

from product_imagery.admin import (
    api_keys,
    approval_rules,
    audits,
    checks,
    collections,
    credentials,
    endpoints,
    enhancements,
    items,
    jobs,
    ledger,
    presets,
    uploads,
    versions,
    webhooks,
    workers,
)
from product_imagery.admin.actions import EnhanceImagesMixin
from product_imagery.admin.sites import register

__all__ = [
    "EnhanceImagesMixin",
    "api_keys",
    "approval_rules",
    "audits",
    "checks",
    "collections",
    "credentials",
    "endpoints",
    "enhancements",
    "items",
    "jobs",
    "ledger",
    "presets",
    "register",
    "uploads",
    "versions",
    "webhooks",
    "workers",
]
