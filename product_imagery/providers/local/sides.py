"""Sides of a photo at which its frame cuts the product."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

_OPAQUE, _TOUCHING = 128, 0.01  #: alpha, and share of a side of the photo, from which the product touches that side


class Sides(NamedTuple):
    """Sides of a product at which the photo's frame cuts it."""

    left: bool = False
    top: bool = False
    right: bool = False
    bottom: bool = False


WHOLE = Sides()


def touched_sides(alpha: Image.Image) -> Sides:
    """Return the sides of a photo that the product touches, by the ``L`` matte of the whole photo."""
    matte = np.asarray(alpha)
    edges = (matte[:, 0], matte[0], matte[:, -1], matte[-1])
    return Sides(*(bool((edge >= _OPAQUE).mean() > _TOUCHING) for edge in edges))
