"""System checks of the storage for results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from product_imagery.storage.store import results_storage


@register(Tags.files)
def check_storage(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find a storage that cannot be used (E003), or that overwrites files of the same name (W007)."""
    try:
        overwrites = getattr(results_storage(), "file_overwrite", False)
    except Exception as error:  # noqa: BLE001  any storage may fail in any way to be built; that is the finding
        return [Error(f"The storage for results cannot be used: {error}", id="product_imagery.E003")]
    if overwrites:
        hint = (
            "Give results a storage of their own, an alias in STORAGES with file_overwrite False, and name it in "
            'PRODUCT_IMAGERY["STORAGE"]: yours may stay as it is. See “S3” in the README.'
        )
        return [Warning("The storage for results overwrites files.", id="product_imagery.W007", hint=hint)]
    return []
