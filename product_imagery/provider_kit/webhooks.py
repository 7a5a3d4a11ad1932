"""Reading of webhooks, for providers that send some."""

from __future__ import annotations

import json

from product_imagery.provider_kit.contract import Delivery
from product_imagery.provider_kit.json_reader import storable


def hinted(delivery: Delivery, name: str) -> str:
    """Return the id under ``name`` in the JSON of a webhook; empty if there is none or it cannot be an id."""
    try:
        found = json.loads(delivery.body)
    except (ValueError, RecursionError):
        return ""
    value = found.get(name) if isinstance(found, dict) else None
    text = storable(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if 0 < len(text) <= 64 else ""
