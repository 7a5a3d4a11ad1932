"""Write a picture to a file: our own encoding, marked, with its digest."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from product_imagery.exceptions import OptionError
from product_imagery.imaging.colour import SRGB_PROFILE
from product_imagery.imaging.metadata import SourceType, xmp_packet
from product_imagery.imaging.png import write_png

#: our name → Pillow's name, file suffix, media type, does it hold transparency
FORMATS: dict[str, tuple[str, str, str, bool]] = {
    "jpeg": ("JPEG", ".jpg", "image/jpeg", False),
    "png": ("PNG", ".png", "image/png", True),
    "webp": ("WEBP", ".webp", "image/webp", True),
    "avif": ("AVIF", ".avif", "image/avif", True),
}


@dataclass(frozen=True)
class Encoded:
    """One written file. ``sha256`` is hex over the whole file, ``size`` is bytes."""

    path: str
    format: str
    width: int
    height: int
    size: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can carry them."""
        return asdict(self)


def write_picture(
    image: Image.Image, path: Path, *, format: str, quality: int = 92, mark: SourceType = SourceType.ENHANCED
) -> Encoded:
    """Encode ``image`` to ``path`` with its suffix replaced by the format's own, and return what was written.

    ``quality`` is 1–100 for JPEG, WebP and AVIF and ignored for PNG. Raises ``OptionError`` for an unknown format.
    """
    if format not in FORMATS:
        raise OptionError(f"Unknown format “{format}”. Choose one of: {', '.join(FORMATS)}.")
    pillow_name, suffix, _, holds_alpha = FORMATS[format]
    if image.mode == "RGBA" and not holds_alpha:
        image = on_white(image)
    path = path.with_suffix(suffix)
    packet = xmp_packet(mark)
    if format == "png":
        write_png(image, path, icc_profile=SRGB_PROFILE, xmp=packet)
    else:
        image.save(path, pillow_name, icc_profile=SRGB_PROFILE, xmp=packet, **_settings(format, quality))
    return describe(path, format, image.size)


def describe(path: Path, format: str, size: tuple[int, int]) -> Encoded:
    """Return the record of a file that has been written."""
    return Encoded(str(path), format, *size, size=path.stat().st_size, sha256=digest_of(path))


def digest_of(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def on_white(image: Image.Image) -> Image.Image:
    """Flatten transparency onto white."""
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _settings(format: str, quality: int) -> dict[str, Any]:
    if format == "jpeg":
        return {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
    if format == "webp":
        return {"quality": quality, "method": 4}
    return {"quality": quality, "speed": 8}
