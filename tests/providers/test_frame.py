"""The place of a product in the frame of a packshot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from product_imagery.providers.local.cutout import Cutout
from product_imagery.providers.local.frame import cut_sides, place
from product_imagery.providers.local.packshot import packshot, seen_share, trimmed_to_seen
from product_imagery.providers.local.sides import WHOLE, Sides

_WHITE = (255, 255, 255)
_BLUE = (30, 60, 120)


def _cut(size: tuple[int, int], box: tuple[int, int, int, int], haze: int = 0) -> Cutout:
    """A round product in a picture of ``size``, with a veil of ``haze`` pixels around that hardly shows on white."""
    alpha = Image.new("L", size)
    draw = ImageDraw.Draw(alpha)
    if haze:
        draw.ellipse((box[0] - haze, box[1] - haze, box[2] + haze - 1, box[3] + haze - 1), fill=14)
    draw.ellipse((*box[:2], box[2] - 1, box[3] - 1), fill=255)
    return Cutout(Image.new("RGB", size, _BLUE), alpha)


def test_haze_around_a_product_is_no_part_of_its_share() -> None:
    cut = trimmed_to_seen(_cut((800, 600), (100, 100, 700, 500), haze=10).trimmed(), _WHITE, 1000)
    placed = place(cut, ratio=1, longest=1000, fill=0.9)
    picture, behind, _ = packshot(placed, background=_WHITE, shadow=False)
    clear = picture.convert("L").point(lambda value: 255 * (value < 245)).getbbox()
    assert clear is not None
    assert 0.9 <= (clear[2] - clear[0]) / 1000 <= 0.905
    assert seen_share(picture, placed, behind) == (clear[2] - clear[0]) / 1000


def test_a_white_product_keeps_what_cannot_be_seen_on_white() -> None:
    cut = _cut((800, 600), (100, 100, 700, 500)).trimmed()
    cut.image.paste("white", (0, 0, 200, 400))
    assert trimmed_to_seen(cut, _WHITE, 1000).image.size == cut.image.size


@pytest.mark.parametrize("cut", [Sides(left=True), Sides(top=True, right=True), Sides(bottom=True)])
def test_a_cut_side_is_flush_with_the_frame(cut: Sides) -> None:
    placed = place(_cut((400, 300), (0, 0, 400, 300)), ratio=1, longest=500, fill=0.8, cut=cut)
    margins = Sides(placed.box[0] == 0, placed.box[1] == 0, placed.box[2] == 500, placed.box[3] == 500)
    assert margins == cut
    assert placed.stands is not cut.bottom


def test_a_product_cut_on_two_opposite_sides_spans_the_frame() -> None:
    placed = place(_cut((400, 300), (0, 0, 400, 300)), ratio=1, longest=500, fill=0.8, cut=Sides(left=True, right=True))
    assert (placed.box[0], placed.box[2]) == (0, 500)
    assert placed.box[1] == pytest.approx(500 - placed.box[3], abs=1)


def test_a_product_cut_below_throws_no_shadow_and_ends_at_the_frame_of_a_scene() -> None:
    cut = _cut((400, 300), (0, 0, 400, 300))
    placed = place(cut, ratio=1, longest=400, fill=0.6, bottom=0.85, cut=Sides(bottom=True))
    assert placed.box[3] == 400
    with_shadow, without = (packshot(placed, background=_WHITE, shadow=shadow)[0] for shadow in (True, False))
    assert with_shadow == without


@given(
    width=st.integers(20, 90),
    height=st.integers(20, 90),
    ratio=st.sampled_from([0.5, 0.8, 1.0, 1.78]),
    fill=st.sampled_from([0.3, 0.6, 0.88, 1.0]),
    cut=st.builds(Sides, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    bottom=st.sampled_from([None, 0.7, 0.9]),
)
def test_the_product_is_always_whole_in_the_frame(
    width: int, height: int, ratio: float, fill: float, cut: Sides, bottom: float | None
) -> None:
    product = _cut((width, height), (0, 0, width, height))
    placed = place(product, ratio=ratio, longest=120, fill=fill, bottom=bottom, cut=cut)
    assert min(placed.box[:2]) >= -1
    assert placed.box[2] <= placed.size[0]
    assert placed.box[3] <= placed.size[1]


def test_the_sides_are_those_of_the_photo() -> None:
    cut = _cut((100, 80), (-20, 10, 60, 70))
    cut.warnings.append("touches_the_frame")
    assert cut_sides(cut) == Sides(left=True)
    cut.warnings.clear()  # a cut-out that was cropped to the product
    assert cut_sides(cut) == WHOLE
