"""Poses: how a product is shown in a scene, and which one its contour suggests."""

from __future__ import annotations

import numpy as np
from PIL import Image

from product_imagery.imaging.scale import scaled
from product_imagery.providers.local.arrays import Mask
from product_imagery.providers.local.contact import parts

STAND, LIE, HANG = "stand", "lie", "hang"
_SIDE = 96  #: pixels of the longest side of the mask that is looked at
_LONG = 4.5  #: proportion from which a product is a pen, a belt or a chain, which would fall over
_TIPPING = 0.04  #: how far outside its foot the centre of a standing product is at most, as a share of its width
_SLEEVES = (0.2, 0.92)  #: rows in which sleeves end, as shares of the height
_BODY = 1.4  #: least width of a garment's body in widths of a sleeve


def suggested_pose(alpha: Image.Image) -> str:
    """Return ``lie`` for a garment with sleeves and for what would fall over, and else ``stand``.

    ``alpha`` is the matte of the trimmed product. Nothing hangs unless somebody says so.
    """
    size = scaled(alpha.size, _SIDE / max(alpha.size))
    small = alpha.resize(size, Image.Resampling.BOX)
    mask = np.asarray(small) >= 128
    falls = max(size) / min(size) > _LONG or _tips_over(small, mask)
    return LIE if falls or _has_sleeves(mask) else STAND


def _tips_over(small: Image.Image, mask: Mask) -> bool:
    if not mask.any():
        return False
    touching = np.flatnonzero(np.max([part.contact for part in parts(small)], axis=0) > 0.5)
    centre = float(np.nonzero(mask)[1].mean())
    spare = _TIPPING * mask.shape[1] + 1
    return not touching[0] - spare <= centre <= touching[-1] + spare


def _has_sleeves(mask: Mask) -> bool:
    """True if two narrow parts hang at both sides of a broad one and end freely above its lower edge."""
    height = mask.shape[0]
    framed = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    for row in range(round(_SLEEVES[0] * height), round(_SLEEVES[1] * height)):
        edges = np.flatnonzero(framed[row])
        if len(edges) == 6 and _are_sleeves(mask, row, *edges.reshape(3, 2).tolist()):
            return True
    return False


def _are_sleeves(mask: Mask, row: int, left: list[int], body: list[int], right: list[int]) -> bool:
    """True if the outer of three parts beside each other are narrow, join the middle one above, and end before it."""
    above, below = mask[:row], mask[row + 2 :]
    (narrow, wide), middle = sorted(end - start for start, end in (left, right)), body[1] - body[0]
    if middle <= _BODY * wide or wide >= 2.5 * narrow or below[:, slice(*body)].mean() <= 0.8:
        return False
    gaps = [(left[1] + body[0]) // 2, (body[1] + right[0]) // 2]
    joined = above[:, gaps].any(axis=0).all() and below[:, gaps].mean(axis=0).max() < 0.05
    return bool(joined and max(below[:, slice(*left)].mean(), below[:, slice(*right)].mean()) < 0.5)
