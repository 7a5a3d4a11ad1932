"""Open a foreign file as an upright sRGB picture, or say in one sentence why not.

``PictureError.code`` is one of: ``empty``, ``too_many_bytes``, ``not_an_image``, ``unsupported_format``,
``too_many_pixels``, ``too_small``, ``animated``, ``damaged``.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import (  # noqa: F401  an allow-list can only name plugins that are loaded
    AvifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from product_imagery.exceptions import PictureError
from product_imagery.imaging.colour import to_srgb
from product_imagery.imaging.limits import READABLE, Limits


@dataclass(frozen=True)
class Decoded:
    """An upright picture in mode ``RGB`` or ``RGBA``, sRGB, and the format it was stored in."""

    image: Image.Image
    format: str


def open_picture(path: Path, limits: Limits | None = None) -> Decoded:
    """Decode the file at ``path`` completely.

    The format is found by decoding with an allow-list, never by name; sizes are checked from the header before any
    pixel is unpacked; orientation is applied once; colours become sRGB; every byte of metadata is left behind.

    Raises ``PictureError``.
    """
    limits = limits or Limits()
    _check_bytes(path, limits)
    try:
        with warnings.catch_warnings():
            # Our own limit, checked from the header below, may be higher than Pillow's; twice that still raises.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=READABLE) as opened:
                _check_header(opened, limits)
                stored_as = "JPEG" if opened.format == "MPO" else str(opened.format)
                opened.load()
                ImageOps.exif_transpose(opened, in_place=True)
                return Decoded(to_srgb(opened), stored_as)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(limits) from error
    except UnidentifiedImageError as error:
        raise _unreadable(path) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        message = "The picture is damaged or cut off. Upload it again from the original."
        raise PictureError(message, code="damaged", detail=repr(error)) from error


def _check_bytes(path: Path, limits: Limits) -> None:
    size = os.path.getsize(path)
    if size == 0:
        raise PictureError("The file is empty. Upload the picture again.", code="empty")
    if size > limits.max_bytes:
        sentence = f"The file has {size / 1e6:.0f} MB; at most {limits.max_bytes / 1e6:.0f} MB are accepted."
        raise PictureError(sentence, code="too_many_bytes")


def _check_header(opened: Image.Image, limits: Limits) -> None:
    width, height = opened.size
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise _too_many_pixels(limits)
    if min(width, height) < limits.min_side:
        sentence = f"The picture has {width}×{height} pixels; each side needs at least {limits.min_side}."
        raise PictureError(sentence, code="too_small")
    if opened.format != "MPO" and getattr(opened, "n_frames", 1) > 1:
        raise PictureError("The file is an animation or has several pages. Upload one still picture.", code="animated")


def _too_many_pixels(limits: Limits) -> PictureError:
    megapixels = limits.max_pixels / 1e6
    sentence = f"The picture is larger than {megapixels:.0f} megapixels or {limits.max_side} pixels on a side."
    return PictureError(sentence, code="too_many_pixels")


def _unreadable(path: Path) -> PictureError:
    with path.open("rb") as handle:
        head = handle.read(32)
    if (
        (head[4:8] == b"ftyp" and head[8:12] not in (b"avif", b"avis"))
        or head[:6] in (b"GIF87a", b"GIF89a")
        or head[:4] in (b"%PDF", b"8BPS")
    ):
        sentence = "This kind of file is not accepted. Save the picture as JPEG, PNG or WebP."
        return PictureError(sentence, code="unsupported_format")
    sentence = "The file is not a picture that can be read. Upload a JPEG, PNG or WebP."
    return PictureError(sentence, code="not_an_image")
