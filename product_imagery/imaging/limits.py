"""Upper bounds for input pictures."""

from __future__ import annotations

from dataclasses import dataclass

#: Pillow's names of the formats that we read. Of phone photos that contain a second picture, the first one is read.
READABLE = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")


@dataclass(frozen=True)
class Limits:
    """Bounds for one input picture.

    ``max_bytes`` is the size of the file, ``max_pixels`` the area of the decoded frame; ``max_side`` and ``min_side``
    are in pixels.
    """

    max_bytes: int = 50 * 1024 * 1024
    max_pixels: int = 120_000_000
    max_side: int = 30_000
    min_side: int = 32
