"""Shadows and reflections. Shadows are drawn at a fraction of the size, because they are soft."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from product_imagery.imaging.visible import difference
from product_imagery.providers.local.contact import Part
from product_imagery.providers.local.cutout import Cutout
from product_imagery.providers.local.frame import Placed

_CLOSE, _FAR = 4, 8  #: divisors of the size at which shadows are drawn: where things touch, and on the ground behind
_FOOT = 0.07  #: height of what darkens the ground below it, as a share of the product's longest side
_TIGHT, _WIDE = (0.015, 0.008), (0.04, 0.024)  #: how far the foot is moved down, and blurred: shares of the same
_SOLID, _EDGE, _BLACK = 128, 3, 40  #: alpha of the product; pixels of its soft edge; brightest level of a shadow
_HAZY = 0.01  #: least area of a shadow that came with a cut-out, as a share of the product's


def contact_shadow(placed: Placed, parts: list[Part], strength: float) -> Image.Image:
    """Return an ``L`` map of darkness (0: none) below each place where a part touches the ground; ``strength`` 0…1."""
    shadow = Image.new("L", _small(placed.size, _CLOSE))
    feet = shadow.copy()
    for part in parts:
        foot = _foot(part)
        box = [round(edge / _CLOSE) for edge in placed.box]
        size = (max(1, box[2] - box[0]), max(1, box[3] - box[1]))
        feet.paste(255, (box[0], box[1]), foot.resize(size, Image.Resampling.BOX))
    longest = max(placed.product.size) / _CLOSE
    for (down, blur), share in ((_TIGHT, 1.0), (_WIDE, 0.6)):
        moved = ImageChops.offset(feet, 0, round(down * longest))
        soft = moved.filter(ImageFilter.GaussianBlur(max(0.7, blur * longest)))
        shadow = ImageChops.lighter(shadow, soft.point(lambda value, share=share: value * share))
    return _full(shadow, placed.size, strength)


def _foot(part: Part) -> Image.Image:
    """Return what of the part is close to the ground, fading with its height and where it hardly touches."""
    height, width = part.alpha.shape
    above = part.base[None] - np.arange(height, dtype=np.float32)[:, None]
    near = np.clip(1 - above / (_FOOT * max(height, width)), 0, 1) * part.contact[None]
    return Image.fromarray(np.rint(part.alpha * near).astype(np.uint8))


def cast_shadow(
    placed: Placed, parts: list[Part], strength: float, *, lean: float, length: float, softness: float, horizon: float
) -> Image.Image:
    """Return an ``L`` map of the product's shadow on the ground behind it.

    ``lean`` is the sideways shift per length (positive: to the right), ``length`` the length of the shadow as a share
    of the product's height, ``softness`` the blur in hundredths of the frame's width. Towards ``horizon``, a row of the
    frame as a share of its height, the shadow becomes shorter, as the ground does.
    """
    width, height = _small(placed.size, _FAR)
    thrown = np.zeros((height, width), np.uint8)
    left, top = placed.box[0] / _FAR, placed.box[1] / _FAR
    for part in parts:
        size = tuple(max(1, round(side / _FAR)) for side in reversed(part.alpha.shape))
        alpha = np.asarray(Image.fromarray(part.alpha).resize(size, Image.Resampling.BOX))
        y, x = np.nonzero(alpha)
        base = np.interp((x + 0.5) * _FAR, np.arange(part.base.size), part.base) / _FAR
        room = np.maximum(top + base - horizon * height, 1)
        back = np.maximum(base - y - 0.5, 0) * length
        back *= room / (back + room)
        row = np.rint(top + base - 0.5 - back).astype(int)
        column = np.rint(left + x + back * lean).astype(int)
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        np.maximum.at(thrown, (row[inside], column[inside]), alpha[y, x][inside])
    soft = Image.fromarray(thrown).filter(ImageFilter.GaussianBlur(max(0.6, width * softness / 100)))
    return _full(soft, placed.size, strength)


def drop_shadow(placed: Placed, strength: float, *, shift: tuple[float, float], blur: float) -> Image.Image:
    """Return an ``L`` map of the product's shadow on a surface behind it, all round.

    ``shift`` (to the right, down) and ``blur`` are shares of the product's longest side.
    """
    box = [round(edge / _CLOSE) for edge in placed.box]
    size = (max(1, box[2] - box[0]), max(1, box[3] - box[1]))
    longest = max(size)
    shadow = Image.new("L", _small(placed.size, _CLOSE))
    at = (box[0] + round(shift[0] * longest), box[1] + round(shift[1] * longest))
    shadow.paste(placed.product.getchannel("A").resize(size, Image.Resampling.BOX), at)
    return _full(shadow.filter(ImageFilter.GaussianBlur(max(0.7, blur * longest))), placed.size, strength)


def without_shadow(cut: Cutout) -> Cutout:
    """Return the cut-out without a shadow that came with it: black haze that fades out beside or below the product."""
    solid = cut.alpha.point(lambda value: 255 * (value >= _SOLID))
    box = solid.getbbox()
    if box is None:
        return cut
    lower = (0, (box[1] + box[3]) // 2, *cut.alpha.size)
    alpha = np.array(cut.alpha.crop(lower))
    haze = (alpha > 0) & (alpha < _SOLID)
    least = _HAZY * solid.histogram()[255]
    if haze.sum() < least:
        return cut
    haze &= np.asarray(solid.filter(ImageFilter.BoxBlur(_EDGE)).crop(lower)) == 0
    haze &= np.asarray(difference(cut.image.crop(lower), (0, 0, 0))) <= _BLACK
    faint = haze & (alpha < _SOLID // 4)
    if haze.sum() < least or faint.sum() < haze.sum() / 5:
        return cut
    alpha[haze] = 0
    whole = cut.alpha.copy()
    whole.paste(Image.fromarray(alpha), lower[:2])
    return replace(cut, alpha=whole)


def darken(image: Image.Image, shadow: Image.Image, colour: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """Blend ``colour`` into ``image`` by the darkness of ``shadow``."""
    return Image.composite(Image.new("RGB", image.size, colour), image, shadow)


def reflect(image: Image.Image, placed: Placed, parts: list[Part], strength: float) -> Image.Image:
    """Add the product's reflection on a glossy ground: each column mirrored about the place where it stands.

    It fades out within a third of the product's height.
    """
    result = image.copy()
    pixels = np.asarray(placed.product.convert("RGB").filter(ImageFilter.GaussianBlur(max(1, image.width / 700))))
    depth = max(1, placed.product.height // 3)
    for part in parts:
        base = np.rint(part.base).astype(int)
        first = max(0, int(base.min()) - 1)
        rows = np.arange(first, int(base.max()) + depth)[:, None]
        below = rows - base[None] + 1  # one row of overlap, so that no line of ground is left between
        source = np.clip(base[None] - 1 - below, 0, part.alpha.shape[0] - 1)
        fade = np.clip(1 - below / depth, 0, 1) * (below >= 0) * strength
        veil = np.take_along_axis(part.alpha, source, axis=0) * fade.astype(np.float32)
        mirrored = np.take_along_axis(pixels, source[..., None], axis=0)
        mask = Image.fromarray(np.rint(veil).astype(np.uint8))
        result.paste(Image.fromarray(mirrored), (placed.box[0], placed.box[1] + first), mask)
    return result


def _small(size: tuple[int, int], divisor: int) -> tuple[int, int]:
    return -(-size[0] // divisor), -(-size[1] // divisor)


def _full(shadow: Image.Image, size: tuple[int, int], strength: float) -> Image.Image:
    return shadow.point(lambda value: value * strength).resize(size, Image.Resampling.BICUBIC)
