"""Visible parts of a picture: refusal of pictures that show nothing, and the box of what differs from a ground."""

from __future__ import annotations

from PIL import Image, ImageChops

from product_imagery.exceptions import PictureError
from product_imagery.texts import gettext

Box = tuple[int, int, int, int]  #: left, top, right, bottom in pixels
Colour = tuple[int, ...]  #: red, green, blue

FAINTEST = 8  #: alpha from which a pixel counts as visible
APART = 10  #: levels of 255 by which a pixel differs from the ground if it is no ground
_BAND = 256  #: rows


def require_something_visible(image: Image.Image) -> None:
    """Raise ``PictureError`` (``nothing_found``) for a picture without a visible pixel."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[1] < FAINTEST:  # type: ignore[operator]
        sentence = gettext(
            "The picture is completely transparent: no product was found. Upload a picture that shows it."
        )
        raise PictureError(sentence, code="nothing_found")


def difference(image: Image.Image, ground: Image.Image | Colour) -> Image.Image:
    """Return for each pixel of an ``RGB`` picture the largest difference of a channel from a ground or one colour."""
    behind = ground if isinstance(ground, Image.Image) else Image.new("RGB", image.size, ground)
    red, green, blue = ImageChops.difference(image, behind).split()
    return ImageChops.lighter(red, ImageChops.lighter(green, blue))


def seen_box(image: Image.Image, ground: Image.Image | Colour, apart: int = APART) -> Box | None:
    """Return the box of the pixels that differ from the ground by more than ``apart`` levels; ``None`` without any.

    The picture is looked through in bands, so that a large one needs little more memory.
    """
    boxes = []
    for top in range(0, image.height, _BAND):
        rows = (0, top, image.width, min(image.height, top + _BAND))
        behind = ground.crop(rows) if isinstance(ground, Image.Image) else ground
        box = difference(image.crop(rows), behind).point(lambda value: 255 * (value > apart)).getbbox()
        if box:
            boxes.append((box[0], box[1] + top, box[2], box[3] + top))
    if not boxes:
        return None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
