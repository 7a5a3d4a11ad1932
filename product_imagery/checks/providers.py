"""System check of providers in other packages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from product_imagery.provider_kit.registry import discover


@register(Tags.compatibility)
def check_providers(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find providers of installed packages that cannot be used (W012), and slugs that occur twice (E005)."""
    broken_hint = "Update or uninstall the package. Everything else works without it."
    duplicate_hint = "Uninstall one of the two packages, or ask its author for another slug."
    return [
        Error(problem.message, id="product_imagery.E005", hint=duplicate_hint)
        if problem.is_duplicate
        else Warning(problem.message, id="product_imagery.W012", hint=broken_hint)
        for problem in discover().problems
    ]
