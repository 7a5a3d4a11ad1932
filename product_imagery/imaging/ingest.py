"""Import of a picture from outside: decode, encode again, make a thumbnail. Runs in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.digest import digest_of
from product_imagery.imaging.encode import format_like, write_picture
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.magic import HEAD, suffix_of
from product_imagery.imaging.metadata import SourceType
from product_imagery.imaging.thumbnails import write_thumbnail

_QUALITY = 92


def ingest(*, source: str, stem: str, mark: str, limits: dict[str, int]) -> dict[str, Any]:
    """Write the picture and its thumbnail, and return their descriptions under ``file`` and ``thumbnail``.

    Descriptions have the fields of ``imaging.encode.Encoded``. Paths are ``stem`` with an ending. ``sha256`` and
    ``suffix`` are those of the source. Raises ``PictureError`` for a picture that is refused.
    """
    path = Path(source)
    opened = open_picture(path, Limits(**limits))
    with path.open("rb") as handle:
        suffix = suffix_of(handle.read(HEAD))
    format = format_like(opened.format, opened.image)
    made = write_picture(opened.image, Path(f"{stem}-picture"), format=format, quality=_QUALITY, mark=SourceType(mark))
    small = write_thumbnail(opened.image, Path(f"{stem}-thumbnail"), mark=SourceType(mark))
    return {"file": made.as_dict(), "thumbnail": small.as_dict(), "sha256": digest_of(path), "suffix": suffix}
