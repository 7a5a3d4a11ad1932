"""Clean edges at full size: the coarse matte follows the picture, and the old background leaves the edge colours.

Both steps compute their slowly varying parts on a small copy and apply them to the full-size pixels, in tiles, and only
where the matte is neither 0 nor 255.

- matte: guided filter with colour guidance (He, Sun & Tang, "Guided image filtering", 2010; "Fast guided filter", 2015)
- colours: blur fusion (Forte, "Approximate fast foreground colour estimation", 2021)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from product_imagery.providers.local.arrays import Bytes, Floats, box_mean, resize_floats

_SIDE = 640  #: longest side of the small copy
_RADIUS = 4
_EPSILON = 1e-4
_TILE = 256
_LOW, _HIGH = 0.1, 0.9  #: levels after filtering: what is nearly nothing becomes nothing


@dataclass(frozen=True)
class _Maps:
    """Planes of the small copy: four of the filter, three of foreground and three of background colour."""

    filter: list[Floats]
    colours: list[Floats]
    band: Bytes


def refine(image: Image.Image, alpha: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return (decontaminated RGB image, refined ``L`` alpha) for an RGB image and its ``L`` alpha of the same size."""
    maps = _small_maps(image, alpha)
    pixels, matte = np.array(image), np.array(alpha)
    for left, top, right, bottom in _band_tiles(maps.band, image.size):
        part, soft = pixels[top:bottom, left:right], matte[top:bottom, left:right]
        box = _scaled((left, top, right, bottom), image.size, maps.band.shape)
        size = (right - left, bottom - top)
        planes = [resize_floats(plane, size, box=box) for plane in maps.filter + maps.colours]
        _refine_tile(part, soft, planes)
    return Image.fromarray(pixels), Image.fromarray(matte)


def _small_maps(image: Image.Image, alpha: Image.Image) -> _Maps:
    factor = min(1.0, _SIDE / max(image.size))
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    small = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    matte = alpha.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    uncertain = matte.point(lambda value: 255 if 2 < value < 253 else 0)
    band = np.asarray(uncertain.filter(ImageFilter.MaxFilter(2 * _RADIUS + 1)))
    return _Maps(_guided_planes(small, matte), _colour_planes(small, matte), band)


def _guided_planes(small: Image.Image, matte: Image.Image) -> list[Floats]:
    """The linear model alpha ≈ a·colour + b of every window, averaged: three planes of a and one of b."""
    guide = np.asarray(small, np.float32).transpose(2, 0, 1) / 255
    target = np.asarray(matte, np.float32)[None] / 255
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    products = np.stack([guide[i] * guide[j] for i, j in pairs])
    means = box_mean(np.concatenate([guide, target, products, guide * target]), _RADIUS)
    mean, goal = means[:3], means[3]
    variance = [means[4 + k] - mean[i] * mean[j] + (_EPSILON if i == j else 0) for k, (i, j) in enumerate(pairs)]
    slope = _solve_symmetric(variance, means[10:] - mean * goal)
    offset = goal - (slope * mean).sum(axis=0)
    return list(box_mean(np.concatenate([slope, offset[None]]), _RADIUS))


def _solve_symmetric(matrix: list[Floats], right: Floats) -> Floats:
    """Solve the 3×3 systems [[a b c] [b d e] [c e f]]·x = right of every pixel by Cramer's rule."""
    a, b, c, d, e, f = matrix
    p, q, r = d * f - e * e, c * e - b * f, b * e - c * d
    s, t, u = a * f - c * c, b * c - a * e, a * d - b * b
    x = np.stack([p * right[0] + q * right[1] + r * right[2],
                  q * right[0] + s * right[1] + t * right[2],
                  r * right[0] + t * right[1] + u * right[2]])  # fmt: skip
    return np.asarray(x / np.maximum(a * p + b * q + c * r, 1e-9), np.float32)


def _colour_planes(small: Image.Image, matte: Image.Image) -> list[Floats]:
    """Foreground and background colour around each pixel: averages weighted by alpha and by 1 − alpha."""
    colour = np.asarray(small, np.float32).transpose(2, 0, 1)
    weight = np.asarray(matte, np.float32)[None] / 255
    sums = box_mean(np.concatenate([colour * weight, colour * (1 - weight), weight]), 2 * _RADIUS)
    inside = np.maximum(sums[6], 1e-3)
    outside = np.maximum(1 - sums[6], 1e-3)
    return [*(sums[:3] / inside), *(sums[3:6] / outside)]


def _refine_tile(part: Bytes, soft: Bytes, planes: list[Floats]) -> None:
    """Write the refined matte and the cleaned colours of one tile into the arrays given."""
    colour = part.astype(np.float32)
    filtered = sum((colour[..., k] * planes[k] for k in range(3)), start=np.float32(255) * planes[3])
    alpha = np.clip((filtered / 255 - _LOW) / (_HIGH - _LOW), 0, 1)
    soft[...] = np.rint(alpha * 255).astype(np.uint8)
    mixed = (soft > 0) & (soft < 255)
    if not mixed.any():
        return
    share = alpha[mixed][:, None]
    inner = np.stack([planes[4 + k][mixed] for k in range(3)], axis=-1)
    outer = np.stack([planes[7 + k][mixed] for k in range(3)], axis=-1)
    cleaned = inner + share * (colour[mixed] - share * inner - (1 - share) * outer)
    part[mixed] = np.rint(np.clip(cleaned, 0, 255)).astype(np.uint8)


def _band_tiles(band: Bytes, size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the tiles of a picture of ``size`` in which the matte's uncertain band lies."""
    width, height = size
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            tile = (left, top, min(width, left + _TILE), min(height, top + _TILE))
            x0, y0, x1, y1 = _scaled(tile, size, band.shape)
            if band[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1].any():
                yield tile


def _scaled(
    tile: tuple[int, int, int, int], size: tuple[int, int], shape: tuple[int, ...]
) -> tuple[float, float, float, float]:
    x, y = shape[1] / size[0], shape[0] / size[1]
    return tile[0] * x, tile[1] * y, min(shape[1], tile[2] * x), min(shape[0], tile[3] * y)
