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


#: libraries that make derived files only when a file is saved through their field, with our class in ``contrib``
_DERIVING = {"stdimage": "StdImageMixin", "pictures": "PictureMixin"}


@register(Tags.models)
def check_derived_files(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find target fields of a library whose derived files would be missing after a publication (W014)."""
    return [
        Warning(
            f"{type(description).__name__}: {description.target_field} belongs to {library}, whose derived files would "
            f"be missing after a publication: add {_DERIVING[library]} to the bases.",
            id="product_imagery.W014",
            hint=f"from product_imagery.contrib.{library} import {_DERIVING[library]}",
        )
        for description in registered()
        for library in sorted(_libraries(description.target_field) & set(_DERIVING))
        if f"product_imagery.contrib.{library}" not in {base.__module__ for base in type(description).__mro__}
    ]


def _libraries(field: Any) -> set[str]:
    """Return the packages that the class of a field comes from."""
    return {base.__module__.partition(".")[0] for base in type(field).__mro__}
