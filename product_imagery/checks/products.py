"""System checks of the registered product models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from product_imagery.flows.enhancements.preconditions import too_short
from product_imagery.products import registered


@register(Tags.models)
def check_registrations(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find that no product model is registered, so that nothing can be enhanced (W001)."""
    if registered():
        return []
    hint = "Write imagery.py in your product app, as the README shows."
    return [Warning("No product model is registered.", id="product_imagery.W001", hint=hint)]


@register(Tags.models)
def check_target_fields(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find target fields that are too short for the name of any published file (W010)."""
    sentences = filter(None, map(too_short, registered()))
    return [Warning(sentence, id="product_imagery.W010", hint="Then make a migration.") for sentence in sentences]
