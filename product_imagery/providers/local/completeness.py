"""Signs of a cut-out that has too much, measured on a small copy, without the model."""

from __future__ import annotations

import numpy as np
from PIL import Image

from product_imagery.imaging.scale import bounded
from product_imagery.providers.local.arrays import Floats
from product_imagery.providers.local.islands import grow, shrink, touched
from product_imagery.providers.local.looks import distance_to_ground

_SIDE = 256  #: cells of the longest side of the small copy
_SAME = 0.5  #: distance from the ground below which a colour is the ground's
_DARKEST, _RED, _BLUE = 60, (136, 170), (85, 123)  #: brightness, Cr and Cb of skin, light or dark (BT.601)


def excess(picture: Image.Image, alpha: Image.Image, look: Floats) -> dict[str, float]:
    """Return the shares of the product that look like the ground (``like_ground``) and like an arm (``skin``).

    For an RGB picture, its ``L`` matte, and the model's first ``look`` at the whole picture.
    """
    size = bounded(picture.size, _SIDE, 8)
    small = picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    matte: Floats = np.asarray(alpha.resize(size, Image.Resampling.BOX), np.float32) / np.float32(255)
    first = np.asarray(Image.fromarray(look).resize(size, Image.Resampling.BILINEAR))
    return {"like_ground": _like_ground(small, matte, first), "skin": _skin_from_edge(small, matte)}


def _like_ground(small: Image.Image, matte: Floats, first: Floats) -> float:
    """Return the share that has the ground's colours: filled holes, ground between cords, shadow."""
    away = distance_to_ground(small, ~grow(matte > 0.1, 3) & (first < 0.1))
    core = shrink(matte > 0.5, 2)
    return float((away[core] < _SAME).mean()) if core.any() else 0.0


def _skin_from_edge(small: Image.Image, matte: Floats) -> float:
    """Return the share that has the colour of skin and is connected with the photo's edge."""
    product = matte > 0.5
    bright, blue, red = np.moveaxis(np.asarray(small.convert("YCbCr")), -1, 0)
    skin = (bright > _DARKEST) & (red >= _RED[0]) & (red <= _RED[1]) & (blue >= _BLUE[0]) & (blue <= _BLUE[1]) & product
    edge = np.ones_like(skin)
    edge[1:-1, 1:-1] = False
    return float(touched(skin, edge & skin).sum() / max(1, product.sum()))
