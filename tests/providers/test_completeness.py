"""Ground inside a matte is a sign that a reviewer is told about."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from product_imagery.providers.local.completeness import like_ground

_GREY, _BLUE = (170, 170, 170), (40, 60, 160)


def _share(hole: int) -> float:
    """Return the sign for a square with a square hole of so many pixels, by a matte that fills the hole."""
    photo, matte = Image.new("RGB", (256, 256), _GREY), Image.new("L", (256, 256))
    ImageDraw.Draw(photo).rectangle((64, 64, 191, 191), fill=_BLUE)
    if hole:
        ImageDraw.Draw(photo).rectangle((128 - hole, 128 - hole, 127 + hole, 127 + hole), fill=_GREY)
    ImageDraw.Draw(matte).rectangle((64, 64, 191, 191), fill=255)
    return like_ground(photo, matte, np.asarray(matte.resize((320, 320)), np.float32) / 255)


def test_a_product_of_another_colour_than_the_ground_gives_no_sign() -> None:
    assert _share(0) == 0


@settings(max_examples=8, deadline=None)
@given(st.integers(10, 58))
def test_a_filled_hole_counts_by_its_area(hole: int) -> None:
    assert abs(_share(hole) - (2 * hole) ** 2 / 124**2) < 0.06
