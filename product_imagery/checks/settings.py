"""System checks of the setting ``PRODUCT_IMAGERY``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from product_imagery.conf import get_settings
from product_imagery.exceptions import ConfigurationError


@register(Tags.compatibility)
def check_settings(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find the first key that is unknown or has a value of the wrong type (E001)."""
    try:
        get_settings()
    except ConfigurationError as error:
        return [
            Error(error.message, id="product_imagery.E001", hint="See the page about settings in the documentation.")
        ]
    return []
