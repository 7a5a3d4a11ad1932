"""Poses of products in scenes, on drawn contours, and the product's colours there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from product_imagery.providers.local.frame import Placed
from product_imagery.providers.local.scenes import BACKDROPS, compose_scene, suggested_pose

_Corners = list[tuple[int, int]]
_SHIRT: _Corners = [(60, 0), (240, 0), (300, 90), (260, 120), (225, 80)]
_SHIRT += [(225, 300), (75, 300), (75, 80), (40, 120), (0, 90)]


def _matte(corners: _Corners) -> Image.Image:
    matte = Image.new("L", (301, 301))
    ImageDraw.Draw(matte).polygon(corners, fill=255)
    return matte.crop(matte.getbbox())


def _placed(side: int = 240) -> Placed:
    frame, at = side * 2, side // 2
    product = Image.fromarray(np.random.default_rng(4).integers(20, 235, (side, side, 4), np.uint8))
    product.putalpha(255)
    return Placed(product, (frame, frame), (at, at, at + side, at + side), (0, 0, side, side))


@pytest.mark.parametrize(
    ("corners", "pose"),
    [
        (_SHIRT, "lie"),
        ([(0, 0), (30, 0), (300, 290), (290, 300)], "lie"),  # a pen, put down obliquely
        ([(0, 0), (300, 0), (300, 40), (0, 40)], "lie"),  # a belt
        ([(0, 0), (300, 0), (300, 300), (280, 300), (280, 80), (20, 80), (20, 300), (0, 300)], "stand"),  # a table
        ([(0, 100), (300, 160), (300, 300), (0, 220)], "stand"),  # a shoe, whose sole rises to the back
        ([(100, 0), (200, 0), (200, 300), (100, 300)], "stand"),  # a bottle
    ],
)
def test_what_would_fall_over_and_what_has_sleeves_lies(corners: _Corners, pose: str) -> None:
    assert suggested_pose(_matte(corners)) == pose


@given(width=st.integers(1, 60), height=st.integers(1, 60), seed=st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_every_matte_has_a_pose(width: int, height: int, seed: int) -> None:
    matte = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    assert suggested_pose(Image.fromarray(matte)) in ("stand", "lie")


@pytest.mark.parametrize("pose", ["stand", "lie", "hang"])
@pytest.mark.parametrize("scene", ["marble", "nature_light", "studio_sweep", "sand"])
def test_the_product_keeps_its_colours_in_each_pose(scene: str, pose: str) -> None:
    placed = _placed()
    picture = compose_scene(placed, scene, 1, pose=pose)
    assert picture.crop(placed.box).tobytes() == placed.product.convert("RGB").tobytes()


def test_the_light_of_the_scene_tints_the_product_on_request() -> None:
    placed = _placed()
    tinted = compose_scene(placed, "luxury_dark", 1, keep_colours=False).crop(placed.box)
    assert np.asarray(tinted).mean() < np.asarray(placed.product.convert("RGB")).mean() - 3


@pytest.mark.parametrize("scene", sorted(BACKDROPS))
def test_the_shadow_of_what_lies_is_around_it_and_of_what_hangs_farther_away(scene: str) -> None:
    placed, bare = _placed(), _placed()
    bare.product.putalpha(0)
    spread = {}
    for pose in ("lie", "hang"):
        with_it, without = (compose_scene(one, scene, 1, pose=pose).convert("L") for one in (placed, bare))
        darker = np.asarray(without, float) - np.asarray(with_it, float)
        left, _top, right, bottom = placed.box
        middle = darker[bottom + 2, left + 60 : right - 60].mean()
        assert middle > 0.8, (pose, middle)  # on black there is little to darken
        spread[pose] = darker[bottom + 14, left + 60 : right - 60].mean() / middle
    assert spread["hang"] > spread["lie"]
