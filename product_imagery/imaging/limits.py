"""What a picture may cost before we refuse it."""

from __future__ import annotations

from dataclasses import dataclass

#: Pillow's names of the formats we read; of what phones write with a second picture inside we read the first.
READABLE = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")


@dataclass(frozen=True)
class Limits:
    """Upper bounds for one input picture.

    ``max_bytes`` and ``max_pixels`` count the file and the decoded frame, ``max_side`` and ``min_side`` are pixels.
    """

    max_bytes: int = 50 * 1024 * 1024
    max_pixels: int = 120_000_000
    max_side: int = 30_000
    min_side: int = 32
