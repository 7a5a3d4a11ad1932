"""Backgrounds that go on beyond the photo, and those that do not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFilter

from product_imagery.providers.local.continuity import continuity
from product_imagery.providers.local.expand import expand, product_box

_SIZE = 320
_NO_PRODUCT = (_SIZE // 2,) * 4


def _stripes(across: float, down: float) -> Image.Image:
    """Stripes along a direction: ``across`` and ``down`` are waves per picture."""
    y, x = np.mgrid[:_SIZE, :_SIZE] / _SIZE
    waves = 128 + 100 * np.sin(2 * np.pi * (across * x + down * y))
    return Image.fromarray(np.repeat(waves[..., None], 3, axis=2).astype(np.uint8))


def _texture() -> Image.Image:
    noise = np.random.default_rng(1).integers(60, 200, (_SIZE, _SIZE, 3)).astype(np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1))


@pytest.mark.parametrize("ground", [_texture(), _stripes(0, 5), Image.new("RGB", (_SIZE, _SIZE), "#887766")])
def test_texture_and_level_stripes_go_on_sideways(ground: Image.Image) -> None:
    assert continuity(ground, _NO_PRODUCT, (100, 0)) > 0.6


def test_slanted_stripes_and_things_at_the_edge_do_not_go_on() -> None:
    assert continuity(_stripes(5, 5), _NO_PRODUCT, (100, 0)) < 0.2
    ground = _texture()
    ground.paste("red", (_SIZE - 20, 100, _SIZE, 220))
    assert continuity(ground, _NO_PRODUCT, (100, 0)) < 0.3
    assert continuity(ground, _NO_PRODUCT, (0, 0)) == 1


def test_a_side_that_has_to_repeat_its_ground_is_less_certain() -> None:
    near = (10, 100, 200, 200)  # a product close to the left side
    assert continuity(_texture(), near, (100, 0)) < 0.5 * continuity(_texture(), _NO_PRODUCT, (100, 0))


def test_the_added_background_joins_without_a_step_and_as_sharp_as_the_photo() -> None:
    photo = _texture()
    grown, _ = expand(photo, (_SIZE + 160, _SIZE), None)
    levels = np.asarray(grown, np.float32)
    steps = np.abs(np.diff(levels, axis=1)).mean(axis=(0, 2))
    typical = steps[80 : 80 + _SIZE - 1].mean()
    assert steps[79] < 1.5 * typical
    assert steps[80 + _SIZE - 1] < 1.5 * typical
    assert steps[:79].mean() == pytest.approx(typical, rel=0.1)
    inner = grown.crop((80, 0, 80 + _SIZE, _SIZE))
    assert ImageChops.difference(inner, photo).getbbox() is None
    assert product_box(photo, None) == _NO_PRODUCT
