"""Continuity of a photo's background beyond its frame."""

from __future__ import annotations

import numpy as np
from PIL import Image

from product_imagery.imaging.scale import scaled
from product_imagery.providers.local.arrays import Box, Floats

_SIDE = 64  #: pixels of the longest side of the copy that is compared: texture averages out, lines and things stay
_DEEPEST, _LEAST = 10, 2  #: pixels of the copy in a strip
_ROWS = 0.25  #: share of the rows of a strip that count: those that are predicted worst
_GOOD, _BAD = 4.0, 34.0  #: levels of 255 by which a ground that goes on is off, and one that does not


def continuity(picture: Image.Image, product: Box, grown: tuple[int, int]) -> float:
    """Return from 0 to 1 how well the ground of an RGB ``picture`` continues, on the worst of the sides that grow.

    Each side is foretold: its outermost strip is compared with what lies further in, mirrored, as if the photo ended
    before. ``product`` is the box of the product, and ``grown`` the pixels by which each side grows across and down.
    """
    scale = min(1.0, _SIDE / max(picture.size))
    pixels = np.asarray(picture.resize(scaled(picture.size, scale), Image.Resampling.BOX, reducing_gap=3.0), np.float32)
    turned = pixels.swapaxes(0, 1)
    sides = [
        (pixels, product[0], grown[0]),
        (pixels[:, ::-1], picture.width - product[2], grown[0]),
        (turned, product[1], grown[1]),
        (turned[:, ::-1], picture.height - product[3], grown[1]),
    ]
    found = [_foretold(one, room * scale, growth * scale) for one, room, growth in sides if growth > 0]
    return min(found, default=1.0)


def _foretold(pixels: Floats, room: float, growth: float) -> float:
    """Return from 0 to 1 how well the left side goes on; less if it grows by more than does not repeat."""
    good = np.clip((_BAD - _error(pixels, room, growth)) / (_BAD - _GOOD), 0, 1)
    return float(good * np.sqrt(min(1.0, room / growth)))


def _error(pixels: Floats, room: float, growth: float) -> float:
    """Return by how many levels the strip along the left side is off, in its worst rows, if it is foretold."""
    deep = int(max(_LEAST, min(room / 2, growth, _DEEPEST, pixels.shape[1] / 2)))
    strip, foretold = pixels[:, :deep], pixels[:, deep : 2 * deep][:, ::-1]
    off = np.sort(np.abs(strip[:, -foretold.shape[1] :] - foretold).max(axis=2).mean(axis=1))
    return float(off[-max(1, round(_ROWS * len(off))) :].mean())
