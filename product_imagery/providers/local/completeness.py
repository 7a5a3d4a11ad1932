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
_DARKEST, _RED, _BLUE = (
    60,
    (136, 170),
    (85, 123),
)  #: brightness, Cr and Cb (BT.601, 8 bits) of skin, light or dark


def like_ground(picture: Image.Image, alpha: Image.Image, look: Floats) -> float:
    """Return the share of the product that has the ground's colours: filled holes, ground between cords, shadow.

    For an RGB picture, its ``L`` matte, and the model's first ``look`` at the whole picture.
    """
    size = bounded(picture.size, _SIDE, 8)
    small = picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    matte = np.asarray(alpha.resize(size, Image.Resampling.BOX), np.float32) / 255
    first = np.asarray(Image.fromarray(look).resize(size, Image.Resampling.BILINEAR))
    away = distance_to_ground(small, ~grow(matte > 0.1, 3) & (first < 0.1))
    core = shrink(matte > 0.5, 2)
    return float((away[core] < _SAME).mean()) if core.any() else 0.0


def skin_from_edge(picture: Image.Image, alpha: Image.Image) -> float:
    """Return the share of the product that has the colour of skin and is connected with the photo's edge: an arm."""
    size = bounded(picture.size, _SIDE, 8)
    small = np.asarray(picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0).convert("YCbCr"))
    product = np.asarray(alpha.resize(size, Image.Resampling.BOX)) > 127
    bright, blue, red = small[..., 0], small[..., 1], small[..., 2]
    skin = (bright > _DARKEST) & (red >= _RED[0]) & (red <= _RED[1]) & (blue >= _BLUE[0]) & (blue <= _BLUE[1]) & product
    edge = np.ones_like(skin)
    edge[1:-1, 1:-1] = False
    return float(touched(skin, edge & skin).sum() / max(1, product.sum()))
