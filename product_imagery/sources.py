"""How an operation gets the source picture: as a file of ours, read through the product's own storage."""

from __future__ import annotations

from pathlib import Path

from product_imagery import files
from product_imagery.conf import get_settings
from product_imagery.exceptions import StorageError
from product_imagery.products import ProductImages


def read_source(description: ProductImages, name: str, folder: Path) -> tuple[Path, str]:
    """Copy the source file ``name`` into ``folder``; return its path and SHA-256 (hex).

    The copy is cut just above the size limit, which the decoder then refuses. Raises ``StorageError``.
    """
    path = folder / "source"
    try:
        return path, files.copy_out(description.storage, name, path, get_settings().max_bytes)
    except StorageError as error:
        if error.code != "missing":
            raise
        message = "The source picture is no longer in the storage."
        raise StorageError(message, code="missing", detail=error.detail) from error
