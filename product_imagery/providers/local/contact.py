"""Contact of a product with the ground: along its lower contour, and separately for parts that stand apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from product_imagery.imaging.scale import bounded
from product_imagery.providers.local.arrays import Bytes, Floats, Mask
from product_imagery.providers.local.islands import components

_OPAQUE = 128  #: alpha from which a pixel belongs to the contour
_SLOPE = 0.55  #: steepest rise of the ground in the picture, as seen from above: a steeper contour leaves the ground
_BAND = 0.05  #: height above that ground, as a share of the product's longest side, at which no contact is left
_DEPTH = 0.3  #: how much higher than the lowest point the ground is at most, as a share of the same
_SIDE = 160  #: pixels of the longest side of the mask in which parts are told apart
_PART = 0.004  #: least share of the product's area of a part that stands on its own


@dataclass(frozen=True)
class Part:
    """A part that stands on its own. Rows count from the product's top; columns are the product's.

    ``alpha`` (h, w) is the opacity of this part, 0…255. ``contact`` (w) is 1 in columns where it touches the ground, 0
    where it does not, and between where it nearly does. ``base`` (w) is the row below its lowest pixel where it
    touches, and the ground between and beside these columns.
    """

    alpha: Bytes
    contact: Floats
    base: Floats


def parts(alpha: Image.Image) -> list[Part]:
    """Return the parts of a product with the matte ``alpha`` (``L``), the farthest first."""
    opacity = np.asarray(alpha)
    labels = _labels(alpha)
    count = int(labels.max())
    if count <= 1:
        return [_part(opacity)]
    large = np.asarray(Image.fromarray(labels).resize(alpha.size, Image.Resampling.NEAREST))
    found = [_part(np.where(large == number, opacity, 0).astype(np.uint8)) for number in range(1, count + 1)]
    return sorted(found, key=lambda part: float(part.base.max()))


def _part(opacity: Bytes) -> Part:
    height, width = opacity.shape
    low = _lowest(opacity >= _OPAQUE)
    if not (low > 0).any():
        low = _lowest(opacity > 0)
    longest = max(height, width)
    columns = np.arange(width, dtype=np.float32) * _SLOPE
    # The ground rises from each lowest pixel to both sides, at most so steeply; the lowest of these lines counts.
    rightwards = np.maximum.accumulate(low + columns) - columns
    leftwards = np.maximum.accumulate((low - columns)[::-1])[::-1] + columns
    ground = np.maximum(rightwards, leftwards)
    contact = np.clip(1 - (ground - low) / (_BAND * longest), 0, 1)
    contact *= np.clip((low - low.max()) / (_DEPTH * longest) + 1, 0, 0.2) * 5
    touching = np.flatnonzero(contact > 0.5)
    base = np.interp(np.arange(width), touching, low[touching])
    return Part(opacity, contact.astype(np.float32), base.astype(np.float32))


def _lowest(mask: Mask) -> Floats:
    """Return for each column the row below its lowest pixel, and a row far above for an empty one."""
    height, width = mask.shape
    low = height - np.argmax(mask[::-1], axis=0).astype(np.float32)
    return np.asarray(np.where(mask.any(axis=0), low, -10.0 * max(height, width)), np.float32)


def _labels(alpha: Image.Image) -> Bytes:
    """Return the number of its part, from 1, for each pixel of a small copy.

    Crumbs, and parts too high to stand on the same ground, belong to the largest part, and so does what is empty.
    """
    mask = np.asarray(alpha.resize(bounded(alpha.size, _SIDE), Image.Resampling.BOX)) >= _OPAQUE // 2
    pieces = components(mask.T).T  # numbered from the left, which decides between equal areas
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    ends = np.zeros(len(areas), int)  # the row below the lowest pixel of each piece
    np.maximum.at(ends, pieces, np.arange(1, mask.shape[0] + 1)[:, None])
    bottom = ends[1:].max(initial=0)
    large = [
        piece
        for piece in np.argsort(-areas, kind="stable")[:8]
        if areas[piece] >= max(1, _PART * mask.sum()) and bottom - ends[piece] <= _DEPTH * max(mask.shape)
    ]
    labels = np.ones(mask.shape, np.uint8)
    for number, piece in enumerate(large[1:], start=2):
        labels[pieces == piece] = number
    grown = np.asarray(Image.fromarray(labels).filter(ImageFilter.MaxFilter(5)))  # for their soft edges
    return np.where(mask, labels, grown).astype(np.uint8)
