"""Frames: size of the result, and position, scale and margins (``fill``) of the product in it."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from product_imagery.exceptions import OptionError
from product_imagery.providers.local.arrays import Box
from product_imagery.providers.local.cutout import Cutout
from product_imagery.providers.local.sides import WHOLE, Sides, touched_sides
from product_imagery.texts import gettext

_SMALLEST, _LARGEST = 1000, 2400  #: bounds of the longest side in pixels for size 0
_BAND = 256  #: rows that are scaled at once
_ENLARGED = 1.6  #: scale factor above which the result gets a warning


@dataclass(frozen=True)
class Placed:
    """An ``RGBA`` product scaled for a frame of ``size``, its box there, and the box in the photo that it comes from.

    ``stands``: its lower end is in it.
    """

    product: Image.Image
    size: tuple[int, int]
    box: Box
    photographed: Box
    warnings: tuple[str, ...] = ()
    stands: bool = True

    def share(self) -> float:
        """Return the larger of the box's shares of the frame's width and height, 0…1."""
        left, top, right, bottom = self.box
        return max((right - left) / self.size[0], (bottom - top) / self.size[1])

    def mask(self) -> Image.Image:
        """Return the product's opacity in the whole frame (``L``)."""
        whole = Image.new("L", self.size)
        whole.paste(self.product.getchannel("A"), self.box[:2])
        return whole

    def frame_in(self, photo: tuple[int, int]) -> tuple[float, ...]:
        """Return the box that the frame has in a photo of this size, in shares of its sides; it may go beyond them."""
        corners = ((0, 0), self.size)
        return tuple(
            (self.photographed[axis] + (corner[axis] - self.box[axis]) * self._step(axis)) / photo[axis]
            for corner in corners
            for axis in (0, 1)
        )

    def _step(self, axis: int) -> float:
        """Return how many pixels of the photo are one of the frame, across (0) or down (1)."""
        photographed, shown = (box[axis + 2] - box[axis] for box in (self.photographed, self.box))
        return photographed / shown


def parse_ratio(ratio: str, source: tuple[int, int]) -> float:
    """Return width / height for ``"4:5"``, or that of ``source`` for ``"source"``. Raises ``OptionError``."""
    if ratio == "source":
        return source[0] / source[1]
    width, colon, height = ratio.partition(":")
    try:
        value = float(width) / float(height)
    except (ValueError, ZeroDivisionError):
        value = 0.0
    if not colon or not 0.1 <= value <= 10:
        raise OptionError(
            gettext("“%(ratio)s” is not a ratio. Write width:height, for example 4:5, or “source”.") % {"ratio": ratio}
        )
    return value


def frame_size(ratio: float, longest: int) -> tuple[int, int]:
    """Return width and height in pixels, with the given longest side."""
    if ratio >= 1:
        return longest, max(1, round(longest / ratio))
    return max(1, round(longest * ratio)), longest


def cut_sides(cutout: Cutout) -> Sides:
    """Return the sides at which the photo's frame cuts the product; the cut-out is that of the whole photo."""
    return touched_sides(cutout.alpha) if "touches_the_frame" in cutout.warnings else WHOLE


def place(
    cutout: Cutout, *, ratio: float, longest: int, fill: float, bottom: float | None = None, cut: Sides = WHOLE
) -> Placed:
    """Scale the trimmed ``cutout`` so that it fills the share ``fill`` of the frame on its tighter side.

    ``longest`` is the frame's longest side in pixels; 0 chooses one by the product's own resolution. The product is
    centred, or stands with its lowest pixel at ``bottom``, a share of the frame's height. Sides that are ``cut`` are
    put flush to those of the frame, so margins are left on the others only; a product that is cut on two opposite
    sides and is not as wide or high as the frame stays between them.
    """
    ground = 1.0 if bottom is None or cut.bottom else bottom
    limits = (_limit(fill, cut.left, cut.right), min(ground, _limit(fill, cut.top, cut.bottom)))
    if not longest:
        natural = max(_fitting((cutout.image.width / limits[0], cutout.image.height / limits[1]), ratio))
        longest = round(min(_LARGEST, max(_SMALLEST, natural)))
    size = frame_size(ratio, longest)
    rooms = (size[0] / cutout.image.width, size[1] / cutout.image.height)
    wanted = min(room * limit for room, limit in zip(rooms, limits, strict=True))
    factor = min(rooms[0], rooms[1] * ground, wanted + _softened(wanted) / max(cutout.image.size))
    scaled = (max(1, round(cutout.image.width * factor)), max(1, round(cutout.image.height * factor)))
    product = _scale(cutout, scaled)
    left = _start(size[0] - scaled[0], cut.left, cut.right)
    top = _start(size[1] - scaled[1], cut.top, cut.bottom)
    if bottom is not None and not cut.bottom:
        top = round(size[1] * bottom) - scaled[1]
    box = (left, top, left + scaled[0], top + scaled[1])
    (x, y), (width, height) = cutout.origin, cutout.image.size
    photographed = (x, y, x + width, y + height)
    return Placed(product, size, box, photographed, ("enlarged",) if factor > _ENLARGED else (), stands=not cut.bottom)


def _limit(fill: float, near: bool, far: bool) -> float:
    """Return the share of the frame between the margins of those sides that are not cut, each as if none were."""
    return 1 - (1 - fill) / 2 * (2 - near - far)


def _start(free: int, near: bool, far: bool) -> int:
    """Return how many of the ``free`` pixels along an axis come before the product."""
    if near != far:
        return 0 if near else free
    return free // 2


def _softened(factor: float) -> float:
    """Return by how many pixels a product scaled by ``factor`` looks smaller than it is, at most: edges get softer."""
    return max(1.0, factor)


def _fitting(size: tuple[float, float], ratio: float) -> tuple[float, float]:
    """Return the smallest frame of ``ratio`` that holds ``size`` without scaling."""
    width = max(size[0], size[1] * ratio)
    return width, width / ratio


def _scale(cutout: Cutout, size: tuple[int, int]) -> Image.Image:
    """Return the product as ``RGBA`` of ``size``, made in bands on all cores, without a second full-size copy."""
    scaled = Image.new("RGBA", size)
    step = cutout.image.height / size[1]
    margin = 4 * math.ceil(step) + 4  # more than the filter reaches

    def fill(top: int) -> None:
        bottom = min(size[1], top + _BAND)
        above = max(0, math.floor(top * step) - margin)
        below = min(cutout.image.height, math.ceil(bottom * step) + margin)
        rows = (0, above, cutout.image.width, below)
        part = cutout.image.crop(rows)
        part.putalpha(cutout.alpha.crop(rows))
        box = (0, top * step - above, part.width, min(part.height, bottom * step - above))
        band = part.resize((size[0], bottom - top), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
        scaled.paste(band, (0, top))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(fill, range(0, size[1], _BAND)))
    return scaled
