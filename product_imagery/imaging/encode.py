"""Write a picture to a file: our own encoding, marked, with its digest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from product_imagery.exceptions import OptionError, PictureError
from product_imagery.imaging.colour import SRGB_PROFILE
from product_imagery.imaging.digest import digest_of
from product_imagery.imaging.metadata import SourceType, xmp_packet
from product_imagery.imaging.png import write_png

#: our name → Pillow's name, file suffix, media type, does it hold transparency
FORMATS: dict[str, tuple[str, str, str, bool]] = {
    "jpeg": ("JPEG", ".jpg", "image/jpeg", False),
    "png": ("PNG", ".png", "image/png", True),
    "webp": ("WEBP", ".webp", "image/webp", True),
    "avif": ("AVIF", ".avif", "image/avif", True),
}
#: most pixels, and most on a side, of formats whose encoders take more memory than an imaging process has, or give up
_MOST: dict[str, tuple[int, int]] = {"webp": (80_000_000, 16_383), "avif": (64_000_000, 30_000)}


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

    ``quality`` is 1–100 for JPEG, WebP and AVIF and ignored for PNG. Raises ``OptionError`` for an unknown format,
    ``PictureError`` for a picture that is too large for it.
    """
    if format not in FORMATS:
        raise OptionError(f"Unknown format “{format}”. Choose one of: {', '.join(FORMATS)}.")
    pillow_name, suffix, _, holds_alpha = FORMATS[format]
    if image.mode == "RGBA" and not holds_alpha:
        image = on_white(image)
    path = path.with_suffix(suffix)
    if not _holds(format, image):
        pixels, side = _MOST[format]
        sentence = f"{pillow_name} files have at most {pixels / 1e6:.0f} megapixels and {side} pixels on a side here."
        raise PictureError(f"{sentence} Choose JPEG or PNG.", code="too_many_pixels")
    packet = xmp_packet(mark)
    if format == "png":
        write_png(image, path, icc_profile=SRGB_PROFILE, xmp=packet)
    else:
        image.save(path, pillow_name, icc_profile=SRGB_PROFILE, xmp=packet, **_settings(format, quality))
    return describe(path, format, image.size)


def format_like(stored_as: str, image: Image.Image) -> str:
    """Return our name of the format in which a file was stored, or of one that stands in: for TIFF, or by size."""
    format = stored_as.lower()
    if format == "tiff":
        return "png"
    return format if _holds(format, image) else "png" if image.mode == "RGBA" else "jpeg"


def _holds(format: str, image: Image.Image) -> bool:
    pixels, side = _MOST.get(format, (image.width * image.height, max(image.size)))
    return image.width * image.height <= pixels and max(image.size) <= side


def describe(path: Path, format: str, size: tuple[int, int]) -> Encoded:
    """Return the record of a file that has been written."""
    return Encoded(str(path), format, *size, size=path.stat().st_size, sha256=digest_of(path))


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
