"""URLs of stored files in responses."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import Storage
from rest_framework.request import Request

from product_imagery.storage.store import address_of


def file_url(request: Request | None, storage: Storage, name: Any) -> str:
    """Return the absolute URL of a file, which may expire; empty without a file or if the storage has no URL for it."""
    found = address_of(storage, str(name)) if name else ""
    return request.build_absolute_uri(found) if request is not None and found else found
