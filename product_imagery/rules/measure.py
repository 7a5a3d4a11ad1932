"""Measurement of a written picture: the facts that rules are about. Runs in an imaging process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageFilter

from product_imagery.imaging.colour import is_srgb
from product_imagery.imaging.decode import Decoded, open_picture
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.metadata import mark_of
from product_imagery.imaging.visible import Box, difference
from product_imagery.rules.ground import Ground, darkest

LOWEST_WHITE = 240  #: level from which shares of white ground are counted

_NEAR_EDGE = 1  #: pixels from the frame at which a product touches it
_CLEAR_EDGE, _SHARP = 64, 2.4  #: levels across an edge; pixels over which a sharp one extends, at most
_FEWEST_EDGES = 200  #: pixels on clear edges, without which sharpness is unknown
_WINDOW = 1000  #: side of the part in which edges are examined
_WIDEST_BORDER = 0.03  #: share of the shorter side
_BLURRED_EDGE = 8  #: pixels inside a border that compression blurs


def measure(*, source: str, limits: dict[str, int]) -> dict[str, Any]:
    """Return the facts about the picture at ``source`` as values for JSON. Shares are 0…1; ``None`` is unknown.

    Raises ``PictureError`` for a picture that cannot be read.
    """
    path = Path(source)
    opened = open_picture(path, Limits(**limits))
    return _of_file(opened, path) | facts_of(opened.image)


def facts_of(image: Image.Image) -> dict[str, Any]:
    """Return the facts about the pixels of an upright sRGB picture. Ground and product are those inside a border."""
    width, height = image.size
    size: dict[str, float] = {"width": width, "height": height, "shortest": min(image.size), "longest": max(image.size)}
    size |= {"pixels": width * height, "sides": width + height, "ratio": width / height}
    alpha = "transparent" if image.mode == "RGBA" else "opaque"
    depth = _border(image.convert("RGB"))
    ground = Ground(image.crop((depth, depth, width - depth, height - depth)))
    border = "border" if depth else "none"
    return {**size, "alpha": alpha, "white": _white(ground), "border": border, **_of_product(ground)}


def _of_file(opened: Decoded, path: Path) -> dict[str, Any]:
    return {
        "format": opened.format,
        "bytes": path.stat().st_size,
        "bits": 16 if opened.mode.startswith(("I", "F")) else opened.bits,
        "colours": _colours(opened),
        "mark": mark_of(path.read_bytes()),
    }


def _colours(opened: Decoded) -> str:
    if opened.mode in ("CMYK", "YCCK"):
        return "CMYK"
    if opened.mode in ("1", "L", "LA") or opened.mode.startswith(("I", "F")):
        return "grey"
    return "sRGB" if not opened.profile or is_srgb(opened.profile) else "RGB"


def _white(ground: Ground) -> dict[str, float]:
    """Return the shares of the ground that are at least as light as levels from 255 down; empty without ground."""
    histogram = darkest(ground.flat).histogram(ground.open)
    total = sum(histogram)
    return {str(level): sum(histogram[level:]) / total for level in range(255, LOWEST_WHITE - 1, -1) if total}


def _of_product(ground: Ground) -> dict[str, Any]:
    """Return shares and sides of the product; unknown on a ground that is not plain."""
    if not ground.is_plain:
        unknown = dict.fromkeys(("fill", "product", "touching", "strays"))
        return {**unknown, "sharpness": _sharpness(ground.flat)}
    box = ground.box
    if box is None:
        return {"fill": 0.0, "product": 0, "touching": 0, "strays": 0, "sharpness": None}
    width, height = ground.flat.size
    left, top, right, bottom = box
    distances = (left, top, width - right, height - bottom)
    return {
        "fill": max((right - left) / width, (bottom - top) / height),
        "product": max(right - left, bottom - top),
        "touching": sum(distance <= _NEAR_EDGE for distance in distances),
        "strays": len(ground.strays),
        "sharpness": _sharpness(ground.flat, box),
    }


def _sharpness(image: Image.Image, box: Box | None = None) -> float | None:
    """Return the share of clear edges that are as steep as the number of pixels allows.

    In photos it is from 0.4 to 0.8; enlarged twice, mostly below 0.25; enlarged three times, below 0.1.
    """
    left, top, right, bottom = box or (0, 0, *image.size)
    across, down = min(_WINDOW, right - left) // 2, min(_WINDOW, bottom - top) // 2
    middle = ((left + right) // 2, (top + bottom) // 2)
    part = image.crop((middle[0] - across, middle[1] - down, middle[0] + across, middle[1] + down)).convert("L")
    if min(part.size) < 8:
        return None
    contrast = ImageChops.subtract(part.filter(ImageFilter.MaxFilter(5)), part.filter(ImageFilter.MinFilter(5)))
    steps = [ImageChops.difference(part, ImageChops.offset(part, *by)) for by in ((1, 0), (0, 1))]
    steepest = ImageChops.lighter(*steps).filter(ImageFilter.MaxFilter(3))
    clear = contrast.point(lambda level: 255 * (level > _CLEAR_EDGE))
    sharp = ImageChops.subtract(steepest.point(lambda level: min(255, round(level * _SHARP))), contrast)
    edges = clear.histogram()[255]
    return (edges - sharp.histogram(clear)[0]) / edges if edges >= _FEWEST_EDGES else None


def _border(image: Image.Image) -> int:
    """Return the width in pixels of a coloured frame; a white one cannot be told from white ground."""
    outer = _ring(image, 0)
    colour = outer.getpixel((outer.width // 2, 0))
    assert isinstance(colour, tuple)
    if min(colour) >= LOWEST_WHITE or not _is_uniform(outer, colour):
        return 0
    for depth in range(1, round(_WIDEST_BORDER * min(image.size))):
        if not _is_uniform(_ring(image, depth), colour):
            inside = depth + _BLURRED_EDGE
            return inside if _differs(_ring(image, inside), colour) else 0
    return 0


def _ring(image: Image.Image, depth: int) -> Image.Image:
    """Return the pixels at a distance from the frame, one side after the other in one row."""
    width, height = image.size
    top, bottom = (image.crop((depth, y, width - depth, y + 1)) for y in (depth, height - 1 - depth))
    sides = [image.crop((x, depth, x + 1, height - depth)) for x in (depth, width - 1 - depth)]
    parts = [top, bottom, *(side.transpose(Image.Transpose.ROTATE_90) for side in sides)]
    row = Image.new("RGB", (sum(part.width for part in parts), 1))
    at = 0
    for part in parts:
        row.paste(part, (at, 0))
        at += part.width
    return row


def _is_uniform(row: Image.Image, colour: tuple[int, ...]) -> bool:
    near = difference(row, colour).histogram()[:25]
    return sum(near) >= 0.99 * row.width


def _differs(row: Image.Image, colour: tuple[int, ...]) -> bool:
    far = difference(row, colour).histogram()[40:]
    return sum(far) >= 0.9 * row.width
