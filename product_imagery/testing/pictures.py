"""Pictures drawn for tests."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw


def draw_product(
    size: tuple[int, int] = (240, 200), mode: str = "RGB", colour: str = "#b03020", ground: str = "#c8c8cc"
) -> Image.Image:
    """A simple product on a ground."""
    width, height = size
    picture = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width * 0.3, height * 0.25, width * 0.7, height * 0.85), fill=colour)
    draw.rectangle((width * 0.42, height * 0.12, width * 0.58, height * 0.3), fill="#303030")
    return picture.convert(mode)


def encoded(picture: Image.Image, format: str = "JPEG", **settings: Any) -> bytes:
    """The bytes of the picture as a file of one of Pillow's formats."""
    target = io.BytesIO()
    picture.save(target, format, **settings)
    return target.getvalue()
