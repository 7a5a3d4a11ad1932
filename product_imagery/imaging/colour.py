"""Conversion to 8-bit sRGB, with or without alpha."""

from __future__ import annotations

import functools
import io

from PIL import Image, ImageChops, ImageCms

#: The profile of every output, written by littleCMS from the sRGB primaries. It names no author.
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

_STEP = 16  #: distance, on each channel, of the colours by which two profiles are compared
_SAME = 3  #: levels of 255: the invisible difference between versions of the sRGB profile
_BROKEN = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def to_srgb(image: Image.Image, profile: bytes = b"") -> Image.Image:
    """Return an 8-bit picture without metadata, in mode ``RGB``, or ``RGBA`` if any pixel is transparent.

    ``profile`` is the embedded ICC profile. May change ``image`` in place.
    """
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    if alpha is not None:
        image = image.convert(image.mode.removesuffix("A"))
    rgb = _by_profile(image, profile) or (image if image.mode == "RGB" else image.convert("RGB"))
    if alpha is not None and alpha.getextrema() != (255, 255):
        rgb.putalpha(alpha)
    rgb.info = {}  # some encoders would write comments, profiles and text again
    return rgb


def _by_profile(image: Image.Image, content: bytes) -> Image.Image | None:
    """Convert by an ICC profile; return ``None`` where the pixels are sRGB already.

    As in browsers, a broken profile, or one for another colour model, counts as sRGB.
    """
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content)) if content else None
        if profile is None or is_srgb(content):
            return None
        mode = _mode_of(profile, image)
        pixels = image if image.mode == mode else image.convert(mode)
        if mode != "RGB":
            return ImageCms.profileToProfile(pixels, profile, _srgb(), outputMode="RGB")
        ImageCms.profileToProfile(pixels, profile, _srgb(), inPlace=True)  # saves a second picture in memory
    except _BROKEN:
        return None
    return pixels


def _mode_of(profile: ImageCms.ImageCmsProfile, image: Image.Image) -> str:
    space = profile.profile.xcolor_space.strip()
    return {"CMYK": "CMYK", "GRAY": "L"}.get(space, "RGB") if image.mode != "CMYK" else "CMYK"


@functools.lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@functools.lru_cache(maxsize=16)
def is_srgb(content: bytes) -> bool:
    """Return whether a profile is equivalent to sRGB, judged by how it converts a set of colours."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
    if profile.profile.xcolor_space.strip() != "RGB":
        return False
    before = _colours()
    after = ImageCms.profileToProfile(before, profile, _srgb(), outputMode="RGB")
    assert after is not None
    return all(high <= _SAME for _, high in ImageChops.difference(before, after).getextrema())  # type: ignore[misc]


@functools.lru_cache(maxsize=1)
def _colours() -> Image.Image:
    """Return a picture of every 16th value of each channel, in all combinations."""
    levels = range(0, 256, _STEP)
    return Image.frombytes("RGB", (len(levels) ** 2, len(levels)), bytes(
        channel for red in levels for green in levels for blue in levels for channel in (red, green, blue)
    ))  # fmt: skip
