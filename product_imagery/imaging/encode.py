"""Encoding of pictures to files, with the origin mark and a digest."""

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
from product_imagery.texts import gettext

#: our name → Pillow's name, file suffix, media type, whether it supports transparency
FORMATS: dict[str, tuple[str, str, str, bool]] = {
    "jpeg": ("JPEG", ".jpg", "image/jpeg", False),
    "png": ("PNG", ".png", "image/png", True),
    "webp": ("WEBP", ".webp", "image/webp", True),
    "avif": ("AVIF", ".avif", "image/avif", True),
}
#: limits of pixels, and of pixels on a side, beyond which an encoder fails or needs more memory than a process has
_MOST: dict[str, tuple[int, int]] = {"webp": (80_000_000, 16_383), "avif": (64_000_000, 30_000)}


DENSITY = (72, 72)  #: dots per inch in JPEG files: some marketplaces ask for it


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
        """Return the fields as a dict for JSON."""
        return asdict(self)


def write_picture(
    image: Image.Image, path: Path, *, format: str, quality: int = 92, mark: SourceType = SourceType.ENHANCED
) -> Encoded:
    """Encode ``image`` to ``path``, with the suffix of ``format``, and return a description of the file.

    ``quality`` is 1 to 100 for JPEG, WebP and AVIF, and ignored for PNG. A format without transparency gets a white
    ground. Raises ``OptionError`` for an unknown format, ``PictureError`` for a picture that is too large for it.
    """
    if format not in FORMATS:
        raise OptionError(
            gettext("Unknown format “%(format)s”. Choose one of: %(known)s.")
            % {"format": format, "known": ", ".join(FORMATS)}
        )
    pillow_name, suffix, _, holds_alpha = FORMATS[format]
    if image.mode == "RGBA" and not holds_alpha:
        image = on_white(image)
    path = path.with_suffix(suffix)
    if not _holds(format, image):
        pixels, side = _MOST[format]
        sentence = gettext(
            "%(format)s files have at most %(megapixels).0f megapixels and %(side)s pixels on a side here. "
            "Choose JPEG or PNG."
        ) % {"format": pillow_name, "megapixels": pixels / 1e6, "side": side}
        raise PictureError(sentence, code="too_many_pixels")
    packet = xmp_packet(mark)
    if format == "png":
        write_png(image, path, icc_profile=SRGB_PROFILE, xmp=packet)
    else:
        image.save(path, pillow_name, icc_profile=SRGB_PROFILE, xmp=packet, **_settings(format, quality))
    return describe(path, format, image.size)


def format_like(stored_as: str, image: Image.Image) -> str:
    """Return our name of the format ``stored_as`` (Pillow's name), or of a substitute.

    PNG replaces TIFF; PNG or JPEG replaces a format that cannot hold so large a picture.
    """
    format = stored_as.lower()
    if format == "tiff":
        return "png"
    return format if _holds(format, image) else "png" if image.mode == "RGBA" else "jpeg"


def _holds(format: str, image: Image.Image) -> bool:
    pixels, side = _MOST.get(format, (image.width * image.height, max(image.size)))
    return image.width * image.height <= pixels and max(image.size) <= side


def describe(path: Path, format: str, size: tuple[int, int]) -> Encoded:
    """Return the description of a written file of ``size`` (width, height)."""
    return Encoded(str(path), format, *size, size=path.stat().st_size, sha256=digest_of(path))


def on_white(image: Image.Image) -> Image.Image:
    """Flatten transparency onto white."""
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _settings(format: str, quality: int) -> dict[str, Any]:
    if format == "jpeg":
        return {"quality": quality, "subsampling": 0 if quality >= 90 else 2, "dpi": DENSITY}
    if format == "webp":
        return {"quality": quality, "method": 4}
    return {"quality": quality, "speed": 8}
