"""Names of our files in the storage of results: they carry an id, and the digest of the content."""

from __future__ import annotations

import posixpath
import uuid

from product_imagery.conf import get_settings


def beside_results(folder: uuid.UUID, filename: str) -> str:
    """Name of a file in the folder of an item's results."""
    return posixpath.join(get_settings().folder, "results", str(folder), filename)


def beside_upload(upload: uuid.UUID, filename: str) -> str:
    """Name of a file in the folder of a picture that came through the API."""
    return posixpath.join(get_settings().folder, "uploads", str(upload), filename)


def preview_name(kind: str, digest: str) -> str:
    """Name of a small picture, in one of 256 folders of its kind; ``digest`` tells what it was made from."""
    return posixpath.join(previews_folder(), kind, digest[:2], f"{digest[:32]}.webp")


def previews_folder() -> str:
    """Name of the folder of small pictures, which can always be made again."""
    return posixpath.join(get_settings().folder, "previews")


def result_name(folder: uuid.UUID, sha256: str, suffix: str, kind: str = "") -> str:
    """Name of a result file: one folder for each item, the content's digest in the name."""
    return beside_results(folder, f"{kind}{sha256[:24]}{suffix}")
