"""Shadows and reflections of drawn products: along the contour that touches the ground, and nowhere else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from product_imagery.providers.local.contact import parts
from product_imagery.providers.local.cutout import Cutout
from product_imagery.providers.local.frame import Placed
from product_imagery.providers.local.packshot import packshot
from product_imagery.providers.local.shadow import reflect, without_shadow

FRAME, LEFT, TOP, SIDE = 600, 100, 100, 400
_RED = (200, 30, 40, 255)


def _product() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", (SIDE, SIDE))
    return image, ImageDraw.Draw(image)


def _placed(product: Image.Image) -> Placed:
    return Placed(product, (FRAME, FRAME), (LEFT, TOP, LEFT + SIDE, TOP + SIDE), (0, 0, SIDE, SIDE))


def _sole(rise: int) -> Image.Image:
    """Return a product whose flat base is seen from the side: it rises by so many pixels to the left."""
    image, draw = _product()
    draw.polygon([(0, 150), (SIDE, 150), (SIDE, SIDE), (0, SIDE - rise)], fill=_RED)
    return image


def _table(leg: int, height: int) -> Image.Image:
    image, draw = _product()
    draw.rectangle((0, SIDE - height - 60, SIDE, SIDE - height), fill=_RED)
    for left in (0, SIDE - leg):
        draw.rectangle((left, SIDE - height, left + leg, SIDE), fill=_RED)
    return image


def _below(picture: Image.Image, column: int, row: int) -> int:
    return int(np.asarray(picture.convert("L"))[TOP + row, LEFT + column])


@given(rise=st.integers(0, 90), column=st.integers(10, SIDE - 10))
@settings(max_examples=25, deadline=None)
def test_the_shadow_touches_the_product_wherever_it_stands(rise: int, column: int) -> None:
    picture, *_masks = packshot(_placed(_sole(rise)), background=(255, 255, 255), shadow=True)
    contour = SIDE - rise + rise * column // SIDE
    assert _below(picture, column, contour + 3) < 215
    assert _below(picture, column, contour + 90) > 250


@given(leg=st.integers(12, 60), height=st.integers(120, 220))
@settings(max_examples=15, deadline=None)
def test_nothing_darkens_the_ground_where_the_product_is_high_above_it(leg: int, height: int) -> None:
    picture, *_masks = packshot(_placed(_table(leg, height)), background=(255, 255, 255), shadow=True)
    assert _below(picture, leg // 2, SIDE + 3) < 225
    for row in range(SIDE - height + 3, SIDE + 60, 10):
        assert _below(picture, SIDE // 2, row) == 255


def test_parts_that_stand_apart_have_each_their_own_shadow() -> None:
    image, draw = _product()
    draw.rectangle((60, 0, 340, 200), fill=_RED)  # a screen on its stand, a keyboard before it, and a mouse
    draw.rectangle((180, 200, 220, 320), fill=_RED)
    draw.rectangle((40, 360, 260, SIDE), fill=_RED)
    draw.ellipse((300, 360, 350, SIDE), fill=_RED)
    picture, *_masks = packshot(_placed(image), background=(255, 255, 255), shadow=True)
    for column, row in ((200, 320), (150, SIDE), (325, SIDE)):
        assert _below(picture, column, row + 3) < 225, (column, row)
    assert _below(picture, 80, 210) == 255  # below the screen
    assert len(parts(image.getchannel("A"))) == 3


@given(rise=st.integers(0, 90), column=st.integers(10, SIDE - 10))
@settings(max_examples=25, deadline=None)
def test_the_reflection_begins_at_the_contour(rise: int, column: int) -> None:
    product = _sole(rise)
    picture = reflect(Image.new("RGB", (FRAME, FRAME)), _placed(product), parts(product.getchannel("A")), 0.5)
    contour = SIDE - rise + rise * column // SIDE
    pixels = np.asarray(picture)[TOP : TOP + SIDE + 90, LEFT + column, 0]
    assert pixels[contour + 2] > 80
    assert not pixels[: contour - 6].any()


def test_a_shadow_that_came_with_a_cut_out_is_not_part_of_the_product() -> None:
    image, draw = _product()
    draw.rectangle((100, 50, 300, 250), fill=_RED)
    haze = Image.new("L", image.size)
    ImageDraw.Draw(haze).ellipse((60, 280, 340, 360), fill=90)
    haze = haze.resize((20, 20)).resize(image.size, Image.Resampling.BICUBIC)
    alpha = Image.fromarray(np.maximum(np.asarray(haze), np.asarray(image.getchannel("A"))))
    given = Cutout(image.convert("RGB"), alpha)
    assert without_shadow(given).trimmed().image.size == (201, 201)
    glass = Cutout(Image.new("RGB", image.size, (90, 120, 100)), alpha)
    assert without_shadow(glass).alpha == alpha
