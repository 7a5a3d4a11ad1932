"""Everything becomes 8-bit sRGB, with or without alpha."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

#: One profile for all outputs. littleCMS writes it from the sRGB primaries; it carries no name of ours.
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def to_srgb(image: Image.Image) -> Image.Image:
    """Return a copy in mode ``RGB`` or, where anything is transparent, ``RGBA``, without metadata."""
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value * (1 / 257)).convert("L")
    alpha = _alpha(image)
    rgb = _with_profile(image) or image.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        rgb.putalpha(alpha)
    rgb.info = {}  # comments, profiles and text would otherwise travel into some encoders
    return rgb


def _alpha(image: Image.Image) -> Image.Image | None:
    if not image.has_transparency_data:
        return None
    return image.convert("RGBA").getchannel("A")


def _with_profile(image: Image.Image) -> Image.Image | None:
    """Convert by the embedded ICC profile; a broken or missing profile means sRGB, as browsers treat it."""
    embedded = image.info.get("icc_profile")
    if not isinstance(embedded, bytes) or not embedded:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
        if "sRGB" in ImageCms.getProfileDescription(profile):
            return None
        pixels = image.convert(_profile_mode(profile, image))
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(pixels, profile, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _profile_mode(profile: ImageCms.ImageCmsProfile, image: Image.Image) -> str:
    space = profile.profile.xcolor_space.strip()
    return {"CMYK": "CMYK", "GRAY": "L"}.get(space, "RGB") if image.mode != "CMYK" else "CMYK"
