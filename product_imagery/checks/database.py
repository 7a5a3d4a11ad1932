"""System check of the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections, router

from product_imagery.models import ProviderJob


@register(Tags.database)
def check_sqlite(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> Sequence[CheckMessage]:
    """Find SQLite without ``IMMEDIATE`` transactions, which loses writes to “database is locked” under load (W003).

    Only this app's database is examined: the others are the host's.
    """
    messages: list[CheckMessage] = []
    for alias in {router.db_for_write(ProviderJob)} & set(databases or ()):
        connection = connections[alias]
        options = connection.settings_dict.get("OPTIONS", {})
        if connection.vendor == "sqlite" and str(options.get("transaction_mode", "")).upper() != "IMMEDIATE":
            hint = 'Set OPTIONS = {"transaction_mode": "IMMEDIATE", "timeout": 20, …} as the README shows.'
            text = f"Database “{alias}” begins transactions late."
            messages.append(Warning(text, id="product_imagery.W003", hint=hint))
    return messages
