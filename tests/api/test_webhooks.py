"""Endpoints by API: ownership and scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from product_imagery.models import EventDelivery, WebhookEndpoint
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]


def test_endpoints_require_ownership_and_scope(verified: tuple[Caller, dict[str, Any]], caller: Call) -> None:
    one, endpoint = verified
    stranger, reader = caller("stranger"), caller(scopes=("read", "enhance"))
    for path in ("", "/deliveries"):
        assert stranger.get(f"webhook-endpoints/{endpoint['id']}{path}").status_code == 404
    for step in ("verify", "rotate", "test"):
        assert stranger.post(f"webhook-endpoints/{endpoint['id']}/{step}").status_code == 404
        assert reader.post(f"webhook-endpoints/{endpoint['id']}/{step}").status_code == 403
    assert reader.get(f"webhook-endpoints/{endpoint['id']}").status_code == 200
    assert stranger.delete(f"webhook-endpoints/{endpoint['id']}").status_code == 404
    assert one.delete(f"webhook-endpoints/{endpoint['id']}").status_code == 200
    assert WebhookEndpoint.objects.count() == EventDelivery.objects.count() == 0
