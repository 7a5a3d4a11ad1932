"""Cut out with a person's hint: a region around the product, and strokes on what to keep and to remove.

Inside the region the ordinary cut-out is made. A stroke then reaches as far as the colours that it lies on do: the
geodesic distance from it, whose steps cost by how much a pixel differs from these colours (Bai & Sapiro, "A geodesic
framework for fast interactive image and video segmentation and matting", 2007), on a small grid. Where strokes of both
kinds reach, the nearer one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from product_imagery.exceptions import PictureError
from product_imagery.imaging.scale import bounded
from product_imagery.provider_kit.shares import Region, Stroke, region_of, strokes_of
from product_imagery.providers.local.arrays import Box, Bytes, Floats, Mask
from product_imagery.providers.local.cutout import Cutout, cut_out
from product_imagery.providers.local.edges import refine
from product_imagery.providers.local.inference import ModelSpec
from product_imagery.providers.local.sides import touched_sides
from product_imagery.providers.local.transparency import kept_matte, visible_box, visible_part

_MARGIN = 0.04  #: share of the region, added on each side: more ground only gives the model more to mistake
_GRID = 320  #: longest side of the grid for distances
_PEN = 0.012  #: width of a stroke as a share of the longest side of what is cut
_STEP = 1.5  #: cost of a way across the grid over the very colours of the stroke; a stroke has no effect beyond 1 …
_FULL = 0.7  #: … and its full effect up to here
_PIXEL = 0.12  #: cost of a pixel of the colours of the opposite …
_SHADE = 0.05  #: … and the share of it of a pixel of colours unlike both, as in the shaded part of a thing
_UNLIKE = 32.0  #: difference of such colours, 0…255
_NOISE = 6.0  #: difference below which colours are the same
_COLOURS = 16  #: that describe an area
_ROUNDS = 4  #: of sweeps over the grid, for ways around corners
_CERTAIN = 0.9  #: alpha of what surely belongs to the product
_TOUCHES = "touches_the_frame"
_SETTLED = {_TOUCHES, "very_small_product", "perhaps_a_person"}  #: by pointing to the product


@dataclass(frozen=True)
class Hint:
    """A person's statements about one picture, in shares of it. Made by ``Hint.of``."""

    region: Region | None = None
    keep: tuple[Stroke, ...] = ()
    remove: tuple[Stroke, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Hint | None:
        """Return the hint in cleaned options, ``None`` if there is none."""
        hint = cls(
            region_of(options.get("region", "")),
            strokes_of(options.get("keep", "")),
            strokes_of(options.get("remove", "")),
        )
        return hint if hint != cls() else None

    def region_on(self, size: tuple[int, int]) -> Box:
        """Return the region in pixels; the whole picture without one."""
        if self.region is None:
            return (0, 0, *size)
        x, y, width, height = self.region
        left, top = min(size[0] - 1, round(x * size[0])), min(size[1] - 1, round(y * size[1]))
        right, bottom = round((x + width) * size[0]), round((y + height) * size[1])
        return left, top, min(size[0], max(left + 1, right)), min(size[1], max(top + 1, bottom))

    def box_on(self, size: tuple[int, int]) -> Box:
        """Return the pixels to look at: the region with a margin, and what is to be kept outside of it."""
        if self.region is None:
            return (0, 0, *size)
        left, top, right, bottom = self.region_on(size)
        wide, high = round((right - left) * _MARGIN), round((bottom - top) * _MARGIN)
        points = [point for stroke in self.keep for point in stroke]
        pen = _pen(size)
        across = [x * size[0] for x, _y in points]
        down = [y * size[1] for _x, y in points]
        return (
            int(max(0, min([left - wide, *(x - pen for x in across)]))),
            int(max(0, min([top - high, *(y - pen for y in down)]))),
            int(min(size[0], max([right + wide, *(x + pen for x in across)]))),
            int(min(size[1], max([bottom + high, *(y + pen for y in down)]))),
        )


def cut_out_by_hint(picture: Image.Image, spec: ModelSpec, hint: Hint) -> Cutout:
    """Cut the product that a person has pointed at out of an ``RGB`` or ``RGBA`` picture.

    Nothing outside of the region is product, unless a stroke keeps it. Works in place, as ``cut_out`` does, and raises
    what it raises.
    """
    if picture.mode == "RGBA":
        return _cut_transparent(picture, spec, hint)
    box, region = hint.box_on(picture.size), hint.region_on(picture.size)
    part = picture.crop(box)
    found = _found(part, spec, hint)
    matte = Image.new("L", part.size)
    inside = _moved(region, box)
    matte.paste(found.alpha.crop(inside), inside[:2])
    if hint.keep or hint.remove:
        pens = _Pens(hint, picture.size, box)
        matte = _after_strokes(part, matte, pens)
        refine(part, (0, 0, *part.size), matte)
        pens.draw(matte)
    else:
        part = found.image
    picture.paste(part, box[:2])
    alpha = Image.new("L", picture.size)
    alpha.paste(matte, box[:2])
    return replace(found, image=picture, alpha=alpha, warnings=_warnings(found.warnings, alpha))


def _found(part: Image.Image, spec: ModelSpec, hint: Hint) -> Cutout:
    """Return the ordinary cut-out of what is looked at; an empty one if all that is known are strokes to keep."""
    try:
        return cut_out(part.copy(), spec)
    except PictureError as error:
        if error.code != "nothing_found" or not hint.keep:
            raise
        return Cutout(part, Image.new("L", part.size), 0.5, ["unsure_what_the_product_is"])


def _cut_transparent(picture: Image.Image, spec: ModelSpec, hint: Hint) -> Cutout:
    """Cut out of a picture with transparency, which keeps its matte inside the region if it is a cut-out."""
    before = picture.getchannel("A")
    kept = kept_matte(picture, spec)
    if kept is None:
        opaque = Image.new("RGB", picture.size, "white")
        opaque.paste(visible_part(picture), visible_box(before)[:2])
        cut = cut_out_by_hint(opaque, spec, hint)
        return replace(cut, alpha=ImageChops.darker(cut.alpha, before))
    colours, region = picture.convert("RGB"), hint.region_on(picture.size)
    matte = Image.new("L", picture.size)
    matte.paste(before.crop(region), region[:2])
    if hint.keep or hint.remove:
        pens = _Pens(hint, picture.size, (0, 0, *picture.size))
        matte = _after_strokes(colours, matte, pens)
        pens.draw(matte)
    return Cutout(colours, ImageChops.darker(matte, before), *kept)


class _Pens:
    """The strokes of a hint on the pixels of a ``box`` of a picture of ``size``."""

    def __init__(self, hint: Hint, size: tuple[int, int], box: Box) -> None:
        self._hint, self._size, self._box = hint, size, box

    def draw(self, matte: Image.Image) -> None:
        """Draw them on the ``L`` matte of the box: kept pixels 255, removed ones 0; the latter win."""
        matte.paste(255, mask=self.mask(self._hint.keep, matte.size))
        matte.paste(0, mask=self.mask(self._hint.remove, matte.size))

    def masks(self, size: tuple[int, int]) -> tuple[Mask, Mask]:
        """Return the pixels to keep and to remove on a grid of the box."""
        keep, remove = (np.asarray(self.mask(one, size)) > 0 for one in (self._hint.keep, self._hint.remove))
        return keep & ~remove, remove

    def mask(self, strokes: tuple[Stroke, ...], size: tuple[int, int]) -> Image.Image:
        """Return the ``L`` mask of strokes on a grid of the box."""
        mask = Image.new("L", size)
        draw = ImageDraw.Draw(mask)
        x, y = size[0] / (self._box[2] - self._box[0]), size[1] / (self._box[3] - self._box[1])
        radius = max(0.6, _pen(self._size) * max(x, y) / 2)
        for stroke in strokes:
            points = [
                ((point[0] * self._size[0] - self._box[0]) * x, (point[1] * self._size[1] - self._box[1]) * y)
                for point in stroke
            ]
            draw.line(points, 255, width=max(1, round(2 * radius)))
            for across, down in points:
                draw.ellipse((across - radius, down - radius, across + radius, down + radius), fill=255)
        return mask


def _pen(size: tuple[int, int]) -> float:
    return max(2.0, _PEN * max(size))


def _moved(box: Box, origin: Box) -> Box:
    return box[0] - origin[0], box[1] - origin[1], box[2] - origin[0], box[3] - origin[1]


def _after_strokes(part: Image.Image, matte: Image.Image, pens: _Pens) -> Image.Image:
    """Return the ``L`` matte of a picture after strokes, each as far as its colours reach."""
    size = bounded(part.size, _GRID)
    colours = np.asarray(part.resize(size, Image.Resampling.BOX).convert("YCbCr"))
    alpha = np.asarray(matte.resize(size, Image.Resampling.BOX), np.float32) / 255
    keep, remove = pens.masks(size)
    to_keep = _distance(colours, keep, remove, alpha < 1 - _CERTAIN)
    to_remove = _distance(colours, remove, keep, alpha > _CERTAIN)
    nearer = np.clip(0.5 + 4 * (to_remove - to_keep), 0, 1)
    added, taken = _effect(to_keep) * nearer, _effect(to_remove) * (1 - nearer)
    stays, adds = (
        Image.fromarray(np.rint(255 * plane).astype(np.uint8)).resize(part.size, Image.Resampling.BILINEAR)
        for plane in (1 - np.clip(added + taken, 0, 1), added)
    )
    return ImageChops.add(ImageChops.multiply(matte, stays), adds)


def _effect(distance: Floats) -> Floats:
    return np.asarray(np.clip((1 - distance) / (1 - _FULL), 0, 1), np.float32)


def _distance(colours: Bytes, seeds: Mask, others: Mask, opposite: Mask) -> Floats:
    """Return the geodesic distance from the seeds, over colours as theirs and unlike those of the opposite.

    ``others``: seeds of the other kind, on which there is no way.
    """
    if not seeds.any():
        return np.full(seeds.shape, 9, np.float32)
    own = _difference(colours, seeds)
    foreign = _difference(colours, others | (opposite & (own > _UNLIKE / 2)))
    likely = np.clip(2 * own / (own + foreign + _NOISE) - 1, 0, 1)
    unlike = _SHADE * np.clip(own / _UNLIKE, 0, 1) ** 2
    cost = _STEP / _GRID + _PIXEL * np.maximum(unlike, likely)
    cost[others] = 9
    start = np.where(seeds, 0, 9).astype(np.float32)
    return _spread(start, cost.astype(np.float32))


def _difference(colours: Bytes, area: Mask) -> Floats:
    """Return the difference of each pixel from the nearest of the colours of an area; large for an empty one."""
    if not area.any():
        return np.full(area.shape, 255, np.float32)
    pixels = Image.fromarray(colours[area][None])
    few = pixels.quantize(_COLOURS, Image.Quantize.MEDIANCUT).convert("RGB")
    palette = np.unique(np.asarray(few)[0], axis=0).astype(np.float32)
    weights = np.array((0.7, 1.4, 1.4), np.float32)  # light falls differently on the parts of a thing
    scaled = colours.astype(np.float32) * weights
    steps = [np.square(scaled - one).sum(axis=-1) for one in palette * weights]
    return np.asarray(np.sqrt(np.min(steps, axis=0)), np.float32)


def _spread(distance: Floats, cost: Floats) -> Floats:
    """Return the least cost of a way to each pixel, by sweeps from all four sides."""
    for _round in range(_ROUNDS):
        for turn in range(4):
            _sweep(np.rot90(distance, turn), np.rot90(cost, turn))
    return distance


def _sweep(distance: Floats, cost: Floats) -> None:
    """Let each row take the ways from the one above it. Works in place."""
    for row in range(1, len(distance)):
        above = distance[row - 1]
        straight, slant = above + cost[row], np.float32(1.414) * cost[row]
        best = np.minimum(distance[row], straight)
        best[1:] = np.minimum(best[1:], above[:-1] + slant[1:])
        best[:-1] = np.minimum(best[:-1], above[1:] + slant[:-1])
        distance[row] = best


def _warnings(codes: list[str], alpha: Image.Image) -> list[str]:
    """Return the warnings that a person's hint leaves, and those about the frame of the whole picture."""
    touching = [_TOUCHES] if any(touched_sides(alpha)) else []
    return [code for code in codes if code not in _SETTLED] + touching
