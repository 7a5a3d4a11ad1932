"""The place of a product in the frame of a packshot."""

from __future__ import annotations

from PIL import Image, ImageDraw

from product_imagery.providers.local.cutout import Cutout
from product_imagery.providers.local.frame import place
from product_imagery.providers.local.packshot import packshot, seen_share, trimmed_to_seen

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
