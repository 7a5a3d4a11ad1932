"""Masks of the product (``L``, 0 or 255) in a picture whose ground is plain or transparent."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from product_imagery.fidelity.arrays import floats
from product_imagery.imaging.visible import difference as difference_from
from product_imagery.rules.ground import Ground

_OPAQUE = 200  #: opacity from which a pixel is the product's
_SAME = 4  #: levels up to which a pixel is ground
_TINT, _SOFT = 12, 24  #: levels by which a shadow may differ from the ground's colour; of an edge that it may have


def is_opaque(level: int) -> int:
    """Return 255 for an opacity from which a pixel is the product's, else 0."""
    return 255 * (level >= _OPAQUE)


def product_mask(image: Image.Image, coarse: int, hole: int, least: float = 0.0) -> Image.Image | None:
    """Return the mask of the product, without gaps; ``None`` if it cannot be told from the ground.

    The ground is told apart in cells of ``coarse`` pixels; ``hole`` is half of those across a hole.
    ``least``: share of the frame's edge that has to have the colour of the ground.
    """
    ground = Ground(image.reduce(coarse))
    if least and image.mode == "RGB":
        ground.apart = ImageChops.subtract(ground.apart, _shadow(ground))
    if not ground.is_plain or ground.plain < least or ground.box is None:
        return None
    if image.mode == "RGBA":
        return image.getchannel("A").point(is_opaque)
    inner = narrower(ground.filled, ground.step)
    same = difference_from(ground.flat, ground.colour).point(lambda value: 255 * (value <= _SAME))
    holes = wider(narrower(same, hole), hole)
    cells = ImageChops.subtract(ImageChops.lighter(ground.apart, inner), holes)
    whole = cells.resize((cells.width * coarse, cells.height * coarse), Image.Resampling.BILINEAR)
    return whole.crop((0, 0, *image.size)).point(lambda value: 255 * (value > 127))


def _shadow(ground: Ground) -> Image.Image:
    """Return the mask of what may be a shadow: a darker shade of the ground's colour, without clear edges."""
    pixels, colour = floats(ground.flat), np.array(ground.colour, dtype=np.float32)
    shade = np.clip(pixels @ colour / max(float(colour @ colour), 1), 0, 1)
    rest = np.abs(pixels - shade[..., None] * colour).max(-1)
    grey = ground.flat.convert("L")
    edges = ImageChops.subtract(grey.filter(ImageFilter.MaxFilter(3)), grey.filter(ImageFilter.MinFilter(3)))
    return Image.fromarray((255 * ((rest < _TINT) & (floats(edges) < _SOFT))).astype(np.uint8))


def narrower(mask: Image.Image, by: int) -> Image.Image:
    """Return the mask without its outer pixels. A box blur is many times faster than a minimum."""
    return mask.filter(ImageFilter.BoxBlur(by)).point(lambda value: 255 * (value == 255))


def wider(mask: Image.Image, by: int) -> Image.Image:
    """Return the mask with so many more pixels around."""
    return mask.filter(ImageFilter.BoxBlur(by)).point(lambda value: 255 * (value > 0))
