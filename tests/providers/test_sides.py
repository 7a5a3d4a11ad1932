"""Sides of a photo that cut the product."""

from __future__ import annotations

import pytest
from PIL import Image

from product_imagery.providers.local.sides import WHOLE, Sides, touched_sides


@pytest.mark.parametrize(
    ("level", "rows", "sides"), [(128, 2, Sides(left=True)), (127, 2, WHOLE), (255, 1, WHOLE), (255, 0, WHOLE)]
)
def test_a_side_is_touched_by_more_than_a_hundredth_of_opaque_pixels(level: int, rows: int, sides: Sides) -> None:
    alpha = Image.new("L", (80, 100))
    alpha.paste(level, (0, 40, 30, 40 + rows))
    assert touched_sides(alpha) == sides
