"""System check of the task queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from product_imagery.background import queue_problems
from product_imagery.exceptions import ConfigurationError


@register(Tags.compatibility)
def check_queue(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find settings of django-q2 that make it repeat or kill slices of the worker loop (W004)."""
    try:
        problems = queue_problems()
    except ConfigurationError:  # E001 says it
        return []
    return [Warning(text, id="product_imagery.W004", hint="See Q_CLUSTER in the README.") for text in problems]
