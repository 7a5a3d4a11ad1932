"""Open a foreign file as an upright sRGB picture, or say in one sentence why not.

``PictureError.code`` is one of: ``empty``, ``too_many_bytes``, ``not_an_image``, ``unsupported_format``,
``too_many_pixels``, ``too_small``, ``animated``, ``damaged``.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import (  # noqa: F401  an allow-list can only name plugins that are loaded
    AvifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from product_imagery.exceptions import ImageryError, PictureError
from product_imagery.imaging.colour import to_srgb
from product_imagery.imaging.containers import take_apart
from product_imagery.imaging.depth import to_eight_bits
from product_imagery.imaging.kinds import damaged, format_of
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.orientation import orientation_of, upright

_REMEDY = "Save the picture smaller, or raise that setting."


@dataclass(frozen=True)
class Decoded:
    """An upright picture in mode ``RGB`` or ``RGBA``, sRGB, and the format it was stored in."""

    image: Image.Image
    format: str


def open_picture(path: Path, limits: Limits | None = None) -> Decoded:
    """Decode the file at ``path`` completely.

    The format is found by content with an allow-list, never by name; sizes are checked from the header before any
    pixel is unpacked; orientation is applied once; colours become sRGB; metadata is left behind, and none of it can
    stop the picture.

    Raises ``PictureError``; ``OSError`` when the disk fails, and ``MemoryError``.
    """
    limits = limits or Limits()
    _check_bytes(path, limits)
    with _failures_told(limits), _pillow_s_limit(limits):
        content = path.read_bytes()
        format = format_of(content)
        parts = take_apart(content, format)
        del content
        stored = _unpacked(parts.pixels, format, limits)
        orientation, profile = parts.orientation, parts.profile
        if format == "AVIF":  # its decoder has read the profile, and turned irot and imir into EXIF
            orientation = orientation_of(stored.info.get("exif", b""))
            profile = stored.info.get("icc_profile", b"")
        colours = to_srgb(to_eight_bits(stored, parts.bits), profile)
        return Decoded(upright(colours, orientation), format)


def _unpacked(pixels: bytes, format: str, limits: Limits) -> Image.Image:
    opened = Image.open(io.BytesIO(pixels), formats=(format,))
    _check_header(opened, limits)
    opened.load()
    plain = Image.Image()._new(opened.im)  # no longer tied to the file
    plain.palette = opened.palette
    plain.info = {key: opened.info[key] for key in ("transparency", "exif", "icc_profile") if key in opened.info}
    return plain


@contextlib.contextmanager
def _failures_told(limits: Limits) -> Iterator[None]:
    """Whatever a decoder stumbles over is damage of the file; what disk and memory lack is not."""
    try:
        yield
    except (ImageryError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(" is very large", limits) from error
    except Exception as error:  # decoders raise all sorts: TypeError, KeyError, struct.error …
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise damaged(repr(error)) from error


@contextlib.contextmanager
def _pillow_s_limit(limits: Limits) -> Iterator[None]:
    """Make Pillow's own limit ours: some decoders unpack before the header can be seen. It refuses from twice that."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _check_bytes(path: Path, limits: Limits) -> None:
    size = os.path.getsize(path)
    if size == 0:
        raise PictureError("The file is empty. Upload the picture again.", code="empty")
    if size > limits.max_bytes:
        facts = f"The file has {size / 1e6:.0f} MB; at most {limits.max_bytes / 1e6:.0f} MB are accepted (MAX_BYTES)."
        raise PictureError(f"{facts} {_REMEDY}", code="too_many_bytes")


def _check_header(opened: Image.Image, limits: Limits) -> None:
    width, height = opened.size
    if width * height > limits.max_pixels:
        raise _too_many_pixels(f" has {width}×{height} pixels", limits)
    if max(width, height) > limits.max_side:
        facts = f"The picture has {width}×{height} pixels; at most {limits.max_side} on a side are accepted (MAX_SIDE)."
        raise PictureError(f"{facts} {_REMEDY}", code="too_many_pixels")
    if min(width, height) < limits.min_side:
        sentence = f"The picture has {width}×{height} pixels; each side needs at least {limits.min_side}."
        raise PictureError(sentence, code="too_small")
    if getattr(opened, "n_frames", 1) > 1:
        raise PictureError("The file is an animation. Upload one still picture.", code="animated")


def _too_many_pixels(facts: str, limits: Limits) -> PictureError:
    most = f"at most {limits.max_pixels / 1e6:.0f} megapixels are accepted (MAX_PIXELS)"
    return PictureError(f"The picture{facts}; {most}. {_REMEDY}", code="too_many_pixels")
