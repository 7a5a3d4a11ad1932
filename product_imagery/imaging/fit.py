"""Copies of sources that meet a provider's limits. Runs in the imaging process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from product_imagery.exceptions import PictureError
from product_imagery.imaging.containers import is_metadata_free
from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.encode import write_picture
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.visible import require_something_visible
from product_imagery.texts import gettext

#: longest sides, tried in this order; results of providers are rarely larger than the first
LARGEST = 4096
_SIDES = (LARGEST, 3072, 2048, 1536, 1024)
_QUALITY = 92


def fit(
    *, source: str, stem: str, most_bytes: int, formats: list[str], limits: dict[str, int]
) -> dict[str, Any] | None:
    """Write a copy that meets the limits of a provider, unless the source meets them itself.

    Returns ``None`` if the source has one of the ``formats`` and at most ``most_bytes``, and holds nothing but the
    picture. Metadata (EXIF with a location, XMP, comments) and trailing bytes are never sent to a provider.

    Otherwise returns the fields of ``encode.Encoded`` for an sRGB copy: WebP if any pixel is transparent, else JPEG.
    Raises ``PictureError`` if the source is not a picture, shows nothing, or cannot be made small enough.
    """
    opened = open_picture(Path(source), Limits(**limits))
    require_something_visible(opened.image)
    is_small = opened.format in formats and Path(source).stat().st_size <= most_bytes
    if is_small and is_metadata_free(Path(source).read_bytes(), opened.format):
        return None
    format = "webp" if opened.image.mode == "RGBA" else "jpeg"
    for side in _SIDES:
        small = opened.image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        made = write_picture(small, Path(f"{stem}-copy"), format=format, quality=_QUALITY)
        if made.size <= most_bytes:
            return made.as_dict()
    raise PictureError(gettext("The picture cannot be made small enough for this provider."), code="source_too_large")
