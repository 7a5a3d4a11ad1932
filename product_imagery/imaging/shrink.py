"""Small WebP copies of pictures, for pages that show many. Runs in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.encode import write_picture
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.metadata import SourceType, mark_of
from product_imagery.imaging.scale import bounded


def shrink(*, source: str, stem: str, side: int, quality: int, limits: dict[str, int]) -> dict[str, Any]:
    """Write a copy that fits into ``side``×``side`` pixels to ``stem`` with an ending, and return its description.

    The copy keeps the mark that states how the picture was made; a photo without one was only resized. Raises
    ``PictureError`` for a picture that is refused.
    """
    path = Path(source)
    image = open_picture(path, Limits(**limits)).image
    if max(image.size) > side:
        image = image.resize(bounded(image.size, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return write_picture(image, Path(stem), format="webp", quality=quality, mark=_mark_of(path)).as_dict()


def _mark_of(path: Path) -> SourceType:
    known = {one.value: one for one in SourceType}
    return known.get(mark_of(path.read_bytes()), SourceType.ENHANCED)
