"""A copy of a picture that fits into so many bytes. Runs in the imaging process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from product_imagery.exceptions import PictureError
from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.encode import write_picture
from product_imagery.imaging.limits import Limits

#: longest sides that are tried one after the other; what a provider makes is rarely larger than the first
_SIDES = (4096, 3072, 2048, 1536, 1024)
_QUALITY = 92


def shrink(*, source: str, folder: str, most_bytes: int, limits: dict[str, int]) -> dict[str, Any]:
    """Write a copy of at most ``most_bytes``, as large as it can be; return the fields of ``encode.Encoded``.

    WebP where anything is transparent, JPEG otherwise, in sRGB. Raises ``PictureError``.
    """
    picture = open_picture(Path(source), Limits(**limits)).image
    format = "webp" if picture.mode == "RGBA" else "jpeg"
    for side in _SIDES:
        small = picture.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        made = write_picture(small, Path(folder, f"shrunk-{side}"), format=format, quality=_QUALITY)
        if made.size <= most_bytes:
            return made.as_dict()
    raise PictureError("The picture cannot be made small enough for this provider.", code="source_too_large")
