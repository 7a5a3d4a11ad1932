"""System checks of the task queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from product_imagery.background import own_queue, queue_problems
from product_imagery.exceptions import ConfigurationError


@register(Tags.compatibility)
def check_queue(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find settings of django-q2 that make it repeat or kill slices of the worker loop (W004)."""
    try:
        problems = queue_problems()
    except ConfigurationError:  # E001 says it
        return []
    return [Warning(text, id="product_imagery.W004", hint="See Q_CLUSTER in the README.") for text in problems]


@register(Tags.compatibility)
def check_own_queue(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find a ``WAKE`` that is no function (E008)."""
    try:
        own_queue()
    except ConfigurationError as error:
        if error.code == "wake":
            hint = "See “Another queue” on the page about operations in the documentation."
            return [Error(error.message, id="product_imagery.E008", hint=hint)]
    return []
