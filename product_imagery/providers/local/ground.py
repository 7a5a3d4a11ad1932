"""Plain grounds: what neither the ground nor a shadow on it explains belongs to the product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from product_imagery.imaging.scale import bounded
from product_imagery.providers.local.arrays import Box, Floats, Mask
from product_imagery.providers.local.islands import components, grow, opened, shrink, touched

_SIDE = 480  #: cells of the longest side of the grid
_BORDER = 0.025  #: width of the border, a share of the shorter side
_PLAIN = 0.8  #: share of the border that is plain in a picture with a plain ground
_FITS = 14  #: distance (0…255, largest channel) from the fitted colours up to which a pixel counts in the next round
_EVEN = 6  #: the same in the end, up to which it is plain: a floor of tiles or a wall with stains is not
_ROUNDS = 6
_PURE = 4  #: distance from 255 up to which a ground is pure white
_FLAT, _SMOOTH, _DARKEST = 2.5, 5, 110  #: levels per cell of a flat colour and a soft shadow, and below the ground
_TINT = 16  #: distance from the ground's colour, darkened, up to which a shadow is possible
_SHADOW, _LIT = 0.35, 1.1  #: brightness of a shadow and of a bright spot, relative to the ground
_LEAST, _ALONE = 0.0001, 0.002  #: shares of the frame of the smallest part that is added: beside the product, alone
_MOST = 20  #: enclosed parts that are looked at, from the largest
_SHADY = 0.7  #: share of a part that looks like a hard shadow, from which it is one, unless it is thin
_DISTINCT = 12  #: distance of a part's colours from the ground


@dataclass(frozen=True)
class Ground:
    """A plain ground on a grid of the picture.

    ``solid`` are the cells that neither it nor a shadow explains. ``enclosed`` are those between them in its colour:
    holes, or print on the product. ``shady`` are cells that look like a hard shadow. ``white`` is whether the
    ground is pure white.
    """

    solid: Mask
    enclosed: Mask
    shady: Mask
    white: bool


def plain_ground(picture: Image.Image) -> Ground | None:
    """Return the ground of an RGB picture whose border has one smooth colour; ``None`` for others."""
    small = picture.resize(bounded(picture.size, _SIDE, 8), Image.Resampling.BOX, reducing_gap=2.0)
    colour = np.asarray(small, np.int16)
    border = _border(colour.shape[:2])
    if (colour[border].min(axis=1) >= 255 - _PURE).mean() >= _PLAIN:
        surface = np.full(colour.shape, 255, np.int16)
    else:
        surface, fitting = _surface(colour, border)
        if fitting < _PLAIN:
            return None
    white = bool((surface == 255).all())
    away = np.abs(colour - surface).max(axis=2)
    step, tint = _steps(small), _tint(colour, surface, _SHADOW)
    soft = (step <= _SMOOTH) & (away <= _DARKEST) & (colour.sum(axis=2) < surface.sum(axis=2))
    shade = (away <= _PURE) | (soft & (tint <= _TINT)) if white else (tint <= _TINT) | soft
    outside = grow(touched(shrink(shade, 1), border & (away <= _FITS)), 1) & shade
    enclosed = shade & ~outside
    if white:
        enclosed = touched(enclosed, away <= _PURE)  # grey without any white is no hole
    labels = components(~(outside | enclosed))
    distinct = np.zeros(int(labels.max(initial=0)) + 1, np.int16)
    np.maximum.at(distinct, labels, away)
    distinct[0] = 0
    hard = (step > _FLAT) & (tint <= _TINT) & (away <= _DARKEST) if white else _tint(colour, surface, 0) <= _TINT
    return Ground(distinct[labels] > _DISTINCT, enclosed, hard, white)


def complete(ground: Ground, box: Box, matte: Image.Image, size: tuple[int, int]) -> tuple[Box, Image.Image, float]:
    """Add what the ``matte`` of a ``box`` lacks of the product. ``size`` is that of the picture.

    Returns the new box with its ``L`` matte, and the area that was added relative to the whole product.
    """
    x, y = ground.solid.shape[1] / size[0], ground.solid.shape[0] / size[1]
    found = np.zeros(ground.solid.shape, np.uint8)
    left, top = round(box[0] * x), round(box[1] * y)
    right, bottom = max(left + 1, round(box[2] * x)), max(top + 1, round(box[3] * y))
    found[top:bottom, left:right] = np.asarray(matte.resize((right - left, bottom - top), Image.Resampling.BOX))
    added = _missing(ground, found > 128)
    if not added.any():
        return box, matte, 0.0
    rows, columns = np.flatnonzero(added.any(axis=1)), np.flatnonzero(added.any(axis=0))
    wider = (
        min(box[0], max(0, int((columns[0] - 6) / x))),
        min(box[1], max(0, int((rows[0] - 6) / y))),
        max(box[2], min(size[0], int((columns[-1] + 7) / x))),
        max(box[3], min(size[1], int((rows[-1] + 7) / y))),
    )
    frame = (wider[2] - wider[0], wider[3] - wider[1])
    whole = Image.new("L", frame)
    whole.paste(matte, (box[0] - wider[0], box[1] - wider[1]))
    region = (wider[0] * x, wider[1] * y, min(added.shape[1], wider[2] * x), min(added.shape[0], wider[3] * y))
    part = _soft(ground.solid, added).resize(frame, Image.Resampling.BICUBIC, box=region)
    lost = float(added.sum() / max(1, int((added | (found > 128)).sum())))
    return wider, ImageChops.lighter(whole, part), lost


def _border(shape: tuple[int, ...]) -> Mask:
    width = max(2, round(min(shape) * _BORDER))
    border = np.ones(shape, bool)
    border[width:-width, width:-width] = False
    return border


def _surface(colour: NDArray[np.int16], border: Mask) -> tuple[NDArray[np.int16], float]:
    """Fit polynomials of second order to the border. Return their colours, and the share of the border that fits."""
    high, wide = border.shape
    rows, columns = np.mgrid[0:high, 0:wide].astype(np.float32)
    u, v = columns / wide - 0.5, rows / high - 0.5
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=2)
    known, target = terms[border], colour[border].astype(np.float32)
    fits = np.abs(target - np.median(target, axis=0)).max(axis=1) < 3 * _FITS
    for _ in range(_ROUNDS):
        if fits.sum() < 60:
            return colour, 0.0
        weights = np.linalg.lstsq(known[fits], target[fits], rcond=None)[0]
        residual = np.abs(known @ weights - target).max(axis=1)
        fits = residual < _FITS
    return np.rint(np.clip(terms @ weights, 0, 255)).astype(np.int16), float((residual < _EVEN).mean())


def _steps(small: Image.Image) -> Floats:
    """Return how much colours change from cell to cell: little in a soft shadow."""
    blurred = np.asarray(small.filter(ImageFilter.GaussianBlur(0.8)), np.float32)
    rows, columns = (np.abs(np.diff(blurred, axis=axis)).max(axis=2) for axis in (0, 1))
    down, across = np.pad(rows, ((1, 1), (0, 0))), np.pad(columns, ((0, 0), (1, 1)))
    return np.asarray(np.maximum(np.maximum(down[1:], down[:-1]), np.maximum(across[:, 1:], across[:, :-1])))


def _tint(colour: NDArray[np.int16], surface: NDArray[np.int16], darkest: float) -> Floats:
    """Return the distance of each colour from the ground's in the best fitting shadow, not darker than ``darkest``."""
    lit, ground = colour.astype(np.float32), np.maximum(surface, 1).astype(np.float32)
    brightness = np.clip((lit * ground).sum(axis=2) / (ground * ground).sum(axis=2), darkest, _LIT)
    return np.asarray(np.abs(lit - brightness[..., None] * ground).max(axis=2), np.float32)


def _printed(enclosed: Mask, product: Mask) -> Mask:
    """Return the ``enclosed`` parts with a wide rim of ``product``: print. Others are holes."""
    labels, wide = components(enclosed), opened(product, 4)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    printed = np.zeros(enclosed.shape, bool)
    for number in np.argsort(areas)[: -_MOST - 1 : -1]:
        part = labels == number
        if areas[number] and wide[grow(part, 3) & ~part].mean() > 0.8:
            printed |= part
    return printed


def _missing(ground: Ground, found: Mask) -> Mask:
    """Return the parts of the product that are not in ``found``: large ones, and those that it touches."""
    lost = ground.solid & ~grow(found, 3)
    whole = components(ground.solid | found)
    tied = np.bincount(whole[found], minlength=int(whole.max()) + 1) > 0
    parts = components(lost)
    areas = np.bincount(parts.ravel())
    added = np.zeros(found.shape, bool)
    for number in range(1, len(areas)):
        share = areas[number] / found.size
        if share < _LEAST:
            continue
        part = parts == number
        shadow = ground.shady[part].mean() >= _SHADY and (ground.white or opened(part, 4).sum() > 0.3 * areas[number])
        if (share > _ALONE or tied[whole[part]].any()) and not shadow:
            added |= part
    return np.asarray(added | _printed(ground.enclosed, added)) if added.any() else added


def _soft(solid: Mask, added: Mask) -> Image.Image:
    """Return the ``L`` matte of the added parts. It meets the rest, and its outer edge is half a cell inside."""
    part = Image.fromarray((solid & grow(added, 4) | added).astype(np.uint8) * 255).filter(
        ImageFilter.GaussianBlur(0.7)
    )
    return part.point([round(255 * min(1.0, max(0.0, (value - 110) / 90))) for value in range(256)])
