"""A picture of a product that is drawn here, to try an account with."""

from __future__ import annotations

import io

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIDE = 1000  #: pixels
_GROUND, _GLASS, _CAP, _LABEL, _PRINT = "#d3d2ce", "#2f6f63", "#26282b", "#f4efe3", "#a33b2a"


def draw_sample() -> bytes:
    """Return a JPEG of a bottle with a label on a grey table: an ordinary product photo of 1000 pixels."""
    picture = Image.new("RGB", (SIDE, SIDE), _GROUND)
    body = _mask([(350, 360, 650, 880)], radius=60)
    body = ImageChops.lighter(body, _mask([(430, 220, 570, 420)], radius=40))
    shadow = _mask([(330, 850, 720, 900)], radius=25).filter(ImageFilter.GaussianBlur(22))
    picture.paste("#7d7a73", mask=shadow.point(lambda value: value * 2 // 3))
    picture.paste(_GLASS, mask=body)
    light = _mask([(385, 300, 430, 850)], radius=20).filter(ImageFilter.GaussianBlur(14))
    dark = _mask([(590, 300, 660, 880)], radius=20).filter(ImageFilter.GaussianBlur(20))
    for colour, stripe, share in (("#cfe9e2", light, 150), ("#0d2b26", dark, 150)):
        picture.paste(
            colour, mask=ImageChops.multiply(stripe, body).point(lambda value, share=share: value * share // 255)
        )
    picture.paste(_CAP, mask=_mask([(425, 150, 575, 260)], radius=18))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((350, 520, 650, 760), fill=_LABEL)
    draw.ellipse((455, 550, 545, 640), fill=_PRINT)
    for top, left in ((670, 410), (700, 440)):
        draw.rectangle((left, top, SIDE - left, top + 12), fill=_PRINT)
    target = io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(0.7)).save(target, "JPEG", quality=92)
    return target.getvalue()


def _mask(boxes: list[tuple[int, int, int, int]], radius: int) -> Image.Image:
    mask = Image.new("L", (SIDE, SIDE), 0)
    for box in boxes:
        ImageDraw.Draw(mask).rounded_rectangle(box, radius=radius, fill=255)
    return mask
