"""Small copies for lists and review pages."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from product_imagery.imaging.encode import Encoded, write_picture
from product_imagery.imaging.metadata import SourceType
from product_imagery.imaging.scale import bounded

#: longest side in pixels: sharp on a high-resolution phone, small enough for twenty-four on a page
SIDE = 640


def write_thumbnail(image: Image.Image, path: Path, *, mark: SourceType) -> Encoded:
    """Write a copy that fits into ``SIDE``×``SIDE`` pixels: WebP if any pixel is transparent, else JPEG."""
    small = image.copy() if max(image.size) <= SIDE else _shrink(image)
    return write_picture(small, path, format="webp" if small.mode == "RGBA" else "jpeg", quality=82, mark=mark)


def _shrink(image: Image.Image) -> Image.Image:
    return image.resize(bounded(image.size, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
