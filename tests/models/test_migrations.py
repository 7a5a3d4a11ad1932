"""Migrations can be taken back and applied again."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_all_migrations_can_be_taken_back() -> None:
    """K14."""
    call_command("migrate", "product_imagery", "zero", verbosity=0)
    left = [name for name in connection.introspection.table_names() if name.startswith("product_imagery")]
    try:
        assert left == []
    finally:
        call_command("migrate", "product_imagery", verbosity=0)
