"""Decode an untrusted file to an upright sRGB picture, or refuse it with a sentence for the user.

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
    ImageFile,
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
from product_imagery.imaging.quantisation import coarseness_of
from product_imagery.texts import gettext


@dataclass(frozen=True)
class Decoded:
    """An upright sRGB picture in mode ``RGB`` or ``RGBA``, and how it was stored.

    ``format`` and ``mode`` have Pillow's names, ``bits`` is the number of bits of a sample as far as it is known, and
    ``profile`` is an ICC profile or empty. ``coarseness`` tells how strongly a JPEG is compressed, see
    ``quantisation.coarseness_of``; 0 for other formats.
    """

    image: Image.Image
    format: str
    mode: str = "RGB"
    bits: int = 8
    profile: bytes = b""
    coarseness: float = 0.0


def open_picture(path: Path, limits: Limits | None = None, *, enough: int = 0) -> Decoded:
    """Decode the whole file at ``path``; with ``enough``, a JPEG only to at least so many pixels on its longest side.

    The format is detected from the content with an allow-list, never from the name. The size is checked from the
    header before any pixel is unpacked. The orientation is applied and colours are converted to sRGB. Metadata is
    dropped; defects in it do not matter.

    Raises ``PictureError`` for a picture that is refused, ``OSError`` when the disk fails, and ``MemoryError``.
    """
    limits = limits or Limits()
    _check_bytes(path, limits)
    with _decoder_errors(limits), _strict_pillow(limits):
        content = path.read_bytes()
        format = format_of(content)
        parts = take_apart(content, format)
        del content
        stored = _unpacked(parts.pixels, format, limits, enough)
        orientation, profile = parts.orientation, parts.profile
        if format == "AVIF":  # its decoder has read the profile, and reports irot and imir as EXIF
            orientation = orientation_of(stored.info.get("exif", b""))
            profile = stored.info.get("icc_profile", b"")
        mode, coarseness = stored.mode, coarseness_of(stored.info.get("quantization", {}))
        colours = to_srgb(to_eight_bits(stored, parts.bits), profile)
        return Decoded(upright(colours, orientation), format, mode, parts.bits, profile, coarseness)


def _unpacked(pixels: bytes, format: str, limits: Limits, enough: int) -> Image.Image:
    opened = Image.open(io.BytesIO(pixels), formats=(format,))
    _check_header(opened, limits)
    if enough:
        width, height = opened.size
        opened.draft(None, (max(1, width * enough // max(opened.size)), max(1, height * enough // max(opened.size))))
    opened.load()
    plain = Image.Image()._new(opened.im)  # no longer tied to the file
    plain.palette = opened.palette
    plain.info = {key: opened.info[key] for key in ("transparency", "exif", "icc_profile") if key in opened.info}
    plain.info["quantization"] = getattr(opened, "quantization", {})
    return plain


@contextlib.contextmanager
def _decoder_errors(limits: Limits) -> Iterator[None]:
    """Turn any error of a decoder into ``PictureError``, except errors of the disk and lack of memory."""
    try:
        yield
    except (ImageryError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(limits) from error
    except Exception as error:  # decoders raise anything: TypeError, KeyError, struct.error …
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise damaged(repr(error)) from error


@contextlib.contextmanager
def _strict_pillow(limits: Limits) -> Iterator[None]:
    """Set Pillow's own pixel limit and refuse files that end too early, whatever the host has set for its pictures.

    Some decoders unpack before the header can be checked; Pillow refuses pictures of more than twice this limit.
    """
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = limits.max_pixels, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


def _check_bytes(path: Path, limits: Limits) -> None:
    size = os.path.getsize(path)
    if size == 0:
        raise PictureError(gettext("The file is empty. Upload the picture again."), code="empty")
    if size > limits.max_bytes:
        sentence = gettext(
            "The file has %(size).0f MB; at most %(most).0f MB are accepted (MAX_BYTES). "
            "Save a smaller copy of the picture, or raise this setting."
        ) % {"size": size / 1e6, "most": limits.max_bytes / 1e6}
        raise PictureError(sentence, code="too_many_bytes")


def _check_header(opened: Image.Image, limits: Limits) -> None:
    width, height = opened.size
    if width * height > limits.max_pixels:
        raise _too_many_pixels(limits, opened.size)
    if max(width, height) > limits.max_side:
        sentence = gettext(
            "The picture has %(width)s×%(height)s pixels; at most %(most)s on a side are accepted (MAX_SIDE). "
            "Save a smaller copy of the picture, or raise this setting."
        ) % {"width": width, "height": height, "most": limits.max_side}
        raise PictureError(sentence, code="too_many_pixels")
    if min(width, height) < limits.min_side:
        sentence = gettext("The picture has %(width)s×%(height)s pixels; each side needs at least %(least)s.") % {
            "width": width,
            "height": height,
            "least": limits.min_side,
        }
        raise PictureError(sentence, code="too_small")
    if getattr(opened, "n_frames", 1) > 1:
        raise PictureError(gettext("The file is an animation. Upload one still picture."), code="animated")


def _too_many_pixels(limits: Limits, size: tuple[int, int] | None = None) -> PictureError:
    most = limits.max_pixels / 1e6
    if size is None:
        sentence = gettext(
            "The picture is very large; at most %(most).0f megapixels are accepted (MAX_PIXELS). "
            "Save a smaller copy of the picture, or raise this setting."
        ) % {"most": most}
    else:
        sentence = gettext(
            "The picture has %(width)s×%(height)s pixels; at most %(most).0f megapixels are accepted (MAX_PIXELS). "
            "Save a smaller copy of the picture, or raise this setting."
        ) % {"width": size[0], "height": size[1], "most": most}
    return PictureError(sentence, code="too_many_pixels")
