"""Addresses in answers: made for each request by the storage, complete, and signed where it signs."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import Storage
from rest_framework.request import Request

from product_imagery import files


def address(request: Request | None, storage: Storage, name: Any) -> str:
    """Where a file can be had; empty where there is none, or no address."""
    found = files.address_of(storage, str(name)) if name else ""
    return request.build_absolute_uri(found) if request is not None and found else found
