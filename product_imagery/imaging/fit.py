"""Make a source fit for a provider: a picture that it takes, not too large. Runs in the imaging process."""

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

#: longest sides that are tried one after the other; what a provider makes is rarely larger than the first
LARGEST = 4096
_SIDES = (LARGEST, 3072, 2048, 1536, 1024)
_QUALITY = 92


def fit(
    *, source: str, stem: str, most_bytes: int, formats: list[str], limits: dict[str, int]
) -> dict[str, Any] | None:
    """Nothing if the source is of one of the ``formats``, small enough and nothing but a picture; else such a copy.

    What a camera or a person wrote into the file (EXIF with its place, XMP, comments) and what hangs behind its end
    goes to nobody.

    The copy is described by the fields of ``encode.Encoded``: WebP where anything is transparent, JPEG otherwise, in
    sRGB. Raises ``PictureError`` for what is no picture, shows nothing, or cannot be made small enough.
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
    raise PictureError("The picture cannot be made small enough for this provider.", code="source_too_large")
