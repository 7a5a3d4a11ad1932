"""Ground inside a matte, and an arm in it, are signs that a reviewer is told about."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from product_imagery.providers.local.completeness import excess

_GREY, _BLUE = (170, 170, 170), (40, 60, 160)


def _signs(photo: Image.Image, matte: Image.Image) -> dict[str, float]:
    """Return the signs for a model whose first look is the matte."""
    return excess(photo, matte, np.asarray(matte.resize((320, 320)), np.float32) / 255)


def _share(hole: int) -> float:
    """Return the sign for a square with a square hole of so many pixels, by a matte that fills the hole."""
    photo, matte = Image.new("RGB", (256, 256), _GREY), Image.new("L", (256, 256))
    ImageDraw.Draw(photo).rectangle((64, 64, 191, 191), fill=_BLUE)
    if hole:
        ImageDraw.Draw(photo).rectangle((128 - hole, 128 - hole, 127 + hole, 127 + hole), fill=_GREY)
    ImageDraw.Draw(matte).rectangle((64, 64, 191, 191), fill=255)
    return _signs(photo, matte)["like_ground"]


def test_a_product_of_another_colour_than_the_ground_gives_no_sign() -> None:
    assert _share(0) == 0


@settings(max_examples=8, deadline=None)
@given(st.integers(10, 58))
def test_a_filled_hole_counts_by_its_area(hole: int) -> None:
    assert abs(_share(hole) - (2 * hole) ** 2 / 124**2) < 0.06


_FAIR, _DARK = (224, 172, 140), (120, 76, 58)


def _arm(colour: tuple[int, int, int], *, end: int) -> float:
    """Return the sign for a mug in a hand whose arm goes on to so many pixels above the photo's lower edge."""
    photo, matte = Image.new("RGB", (256, 256), _GREY), Image.new("L", (256, 256))
    for image, mug, arm in ((photo, _BLUE, colour), (matte, 255, 255)):
        draw = ImageDraw.Draw(image)
        draw.rectangle((110, 140, 150, 255 - end), fill=arm)
        draw.rectangle((80, 60, 180, 150), fill=mug)
    return _signs(photo, matte)["skin"]


@pytest.mark.parametrize("colour", [_FAIR, _DARK])
def test_an_arm_from_the_edge_is_told(colour: tuple[int, int, int]) -> None:
    assert _arm(colour, end=0) > 0.2
    assert _arm(colour, end=20) == 0  # a leather handle may have that colour: what ends in the photo is no arm


@pytest.mark.parametrize("colour", [_GREY, _BLUE, (30, 30, 30), (255, 255, 255), (200, 30, 30)])
def test_other_colours_at_the_edge_are_no_arm(colour: tuple[int, int, int]) -> None:
    assert _arm(colour, end=0) == 0
