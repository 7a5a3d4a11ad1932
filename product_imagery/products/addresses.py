"""Sources that are addresses: their files are fetched into the storage of results when they are first needed."""

from __future__ import annotations

import hashlib
import posixpath
from urllib.parse import urlsplit

from django.core.files.storage import Storage, storages

from product_imagery.conf import get_settings

_ENDINGS = (".avif", ".gif", ".heic", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def storage_of_addresses() -> Storage:
    """Return the storage of fetched sources."""
    storage: Storage = storages[get_settings().storage]
    return storage


def name_of_address(address: str) -> str:
    """Return the file name of a fetched source, the same for the same address; empty without an address."""
    if not address:
        return ""
    digest = hashlib.sha256(address.encode()).hexdigest()
    ending = posixpath.splitext(urlsplit(address).path)[1].lower()
    folder = posixpath.join(get_settings().folder, "sources", digest[:2])
    return posixpath.join(folder, f"{digest[:32]}{ending if ending in _ENDINGS else ''}")
