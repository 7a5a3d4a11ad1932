"""Results are fetched from hosts that the settings allow."""

from __future__ import annotations

from typing import Any

import pytest

from product_imagery.models import (
    EnhancementItem,
)
from product_imagery.states import ItemStatus
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("hosts", "status"), [(["127.0.0.1"], "completed"), (["cdn.example.com"], "failed")])
def test_pictures_come_only_from_where_the_setting_says(
    hosts: list[str], status: str, account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    """E14."""
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "RESULT_HOSTS": {"paqshot": hosts}}
    order(account("paqshot"))
    hurry()
    item = EnhancementItem.objects.get()
    assert item.status == status
    if status == ItemStatus.FAILED:
        assert "127.0.0.1" in item.error_message
        assert item.job.collectable  # with another setting it is collected without being paid again
