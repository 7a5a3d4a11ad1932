"""Ground and product of a picture, told apart without a model: what differs from a plain or transparent ground.

A plain ground has one colour along the edges of the frame. On any other ground the product cannot be told apart, and
nothing is said about it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from product_imagery.imaging.encode import on_white
from product_imagery.imaging.visible import APART, FAINTEST, Box, difference

_GRID = 200  #: cells along the longest side, in which parts are searched
_FINEST = 4  #: pixels along the side of the smallest cell
_FILLED = 6  #: of 255: share of different pixels from which a cell is no ground
_PLAIN = 0.6  #: share of the frame's edge that has the colour of the ground, if that is plain
_RIM = 0.01  #: width of that edge, as a share of the shorter side
_BESIDE = 10  #: pixels beside a product that are not counted as ground: compression leaves traces there
_SMALLEST, _STRAY = 3, 0.01  #: cells of a part that counts; share of the largest part below which a part is stray
_MOST_PARTS = 20  #: more than these are not a product, but an uneven ground


@dataclass(frozen=True)
class Part:
    """Connected cells that are no ground: their number, and their box in cells."""

    cells: int
    box: Box


class Ground:
    """The ground of an upright sRGB picture, with masks (``L``) of its size. ``flat``: the picture on white."""

    def __init__(self, image: Image.Image) -> None:
        self.flat = on_white(image) if image.mode == "RGBA" else image
        rim = self._rim()
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        if alpha is not None and alpha.histogram(rim)[0] >= _PLAIN * sum(alpha.histogram(rim)):
            self.colour = (255, 255, 255)
            self.apart = alpha.point(lambda value: 255 * (value >= FAINTEST))
        else:
            self.colour = _median(self.flat, rim)
            self.apart = difference(self.flat, self.colour).point(lambda value: 255 * (value > APART))
        seen = self.apart.histogram(rim)
        self.plain = seen[0] / sum(seen)  #: share of the frame's edge that has the colour of the ground

    @property
    def is_plain(self) -> bool:
        """True if the product can be told apart."""
        return self.plain >= _PLAIN and len(self.parts) <= _MOST_PARTS

    @cached_property
    def step(self) -> int:
        """Pixels along the side of a cell."""
        return max(_FINEST, math.ceil(max(self.flat.size) / _GRID))

    @cached_property
    def parts(self) -> list[Part]:
        """Parts of the picture that are no ground, the largest first. A hole belongs to the part around it."""
        inner = self._outside.point(lambda value: 255 - value)
        found = [_part(cells, inner.width) for cells in _connected(inner)]
        return sorted((part for part in found if part.cells >= _SMALLEST), key=lambda part: -part.cells)

    @property
    def strays(self) -> list[Part]:
        """Parts that are too small to be of the product."""
        return [part for part in self.parts if part.cells < _STRAY * self.parts[0].cells]

    @cached_property
    def box(self) -> Box | None:
        """Box of the product in pixels, without stray parts; ``None`` without a product or a plain ground."""
        product = [part for part in self.parts if part.cells >= _STRAY * self.parts[0].cells] if self.is_plain else []
        if not product:
            return None
        left, top = (min(part.box[side] for part in product) * self.step for side in (0, 1))
        right, bottom = (max(part.box[side] for part in product) * self.step for side in (2, 3))
        within = (left, top, min(right, self.flat.width), min(bottom, self.flat.height))
        exact = self.apart.crop(within).getbbox() or (0, 0, within[2] - left, within[3] - top)
        return left + exact[0], top + exact[1], left + exact[2], top + exact[3]

    @cached_property
    def open(self) -> Image.Image:
        """Mask of the ground around the product, up to some pixels beside it; the frame's edge if it is not plain."""
        if not self.is_plain:
            return self._rim()
        away = self._outside.filter(ImageFilter.MinFilter(2 * math.ceil(_BESIDE / self.step) + 1))
        return self._whole(away)

    @cached_property
    def filled(self) -> Image.Image:
        """Mask of all parts, to the nearest cell, with what they enclose."""
        return self._whole(self._outside.point(lambda value: 255 - value))

    @cached_property
    def _outside(self) -> Image.Image:
        """Cells of the ground that are connected with the frame, 255, with a row of such cells all around."""
        empty = self.apart.reduce(self.step).point(lambda value: 255 * (value < _FILLED))
        framed = Image.new("L", (empty.width + 2, empty.height + 2), 255)
        framed.paste(empty, (1, 1))
        outside = bytearray(framed.width * framed.height)
        for cell in next(_connected(framed)):
            outside[cell] = 255
        return Image.frombytes("L", framed.size, bytes(outside))

    def _whole(self, framed: Image.Image) -> Image.Image:
        """Return cells with a row around them as a mask of the picture's size."""
        cells = framed.crop((1, 1, framed.width - 1, framed.height - 1))
        whole = cells.resize((cells.width * self.step, cells.height * self.step), Image.Resampling.NEAREST)
        return whole.crop((0, 0, *self.flat.size))

    def _rim(self) -> Image.Image:
        width = max(1, round(_RIM * min(self.flat.size)))
        mask = Image.new("L", self.flat.size, 255)
        inner = (width, width, self.flat.width - width - 1, self.flat.height - width - 1)
        if inner[0] <= inner[2] and inner[1] <= inner[3]:
            ImageDraw.Draw(mask).rectangle(inner, fill=0)
        return mask


def darkest(image: Image.Image) -> Image.Image:
    """Return for each pixel of an ``RGB`` picture its darkest channel."""
    red, green, blue = image.split()
    return ImageChops.darker(red, ImageChops.darker(green, blue))


def _median(image: Image.Image, mask: Image.Image | None) -> tuple[int, int, int]:
    histogram = image.histogram(mask)
    return tuple(_middle(histogram[start : start + 256]) for start in (0, 256, 512))  # type: ignore[return-value]


def _middle(histogram: list[int]) -> int:
    seen, half = 0, sum(histogram) / 2
    for level, number in enumerate(histogram):
        seen += number
        if seen >= half:
            return level
    return 255


def _connected(cells: Image.Image) -> Iterator[list[int]]:
    """Yield the positions of connected white cells, in the order of their first ones.

    Either all or none of the cells along the frame are white, so it does not matter that rows follow one another.
    """
    width, left = cells.width, bytearray(cells.tobytes())
    at = left.find(255)
    while at >= 0:
        left[at], part = 0, [at]
        for cell in part:  # it grows meanwhile
            for near in (cell - width, cell + width, cell - 1, cell + 1):
                if 0 <= near < len(left) and left[near]:
                    left[near] = 0
                    part.append(near)
        yield part
        at = left.find(255, at)


def _part(cells: list[int], width: int) -> Part:
    """Return the part of these positions, in cells without the row around them."""
    columns, rows = [cell % width - 1 for cell in cells], [cell // width - 1 for cell in cells]
    return Part(len(cells), (min(columns), min(rows), max(columns) + 1, max(rows) + 1))
