"""Edges at full size: align the coarse matte with the picture, and remove the old background from edge colours.

Both steps compute their slowly varying parts on a small copy. They apply these to the full-size pixels in tiles, and
only where the matte is neither 0 nor 255.

- matte: guided filter with colour guidance (He, Sun & Tang, "Guided image filtering", 2010; "Fast guided filter", 2015)
- colours: blur fusion (Forte, "Approximate fast foreground colour estimation", 2021)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from product_imagery.imaging.scale import bounded
from product_imagery.providers.local.arrays import Box, Bytes, Floats, box_mean

_SIDE = 640  #: longest side of the small copy
_RADIUS = 4
_EPSILON = 1e-4
_TILE = 192
_LOW, _HIGH = 0.1, 0.9  #: levels after filtering: lower ones become 0, higher ones 1


@dataclass(frozen=True)
class _Maps:
    """Maps of the small copy: four filter planes, colours of foreground and background, and the uncertain band."""

    filter: list[Image.Image]
    inner: Image.Image
    outer: Image.Image
    band: Bytes


def refine(picture: Image.Image, box: Box, matte: Image.Image) -> None:
    """Refine the ``L`` matte of a ``box`` of an RGB picture, and clean the colours there. Works in place."""
    maps = _small_maps(picture, box, matte)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for _ in threads.map(lambda tile: _refine_tile(picture, box, matte, maps, tile), _band_tiles(maps, matte.size)):
            pass


def _small_maps(picture: Image.Image, box: Box, matte: Image.Image) -> _Maps:
    size = bounded(matte.size, _SIDE)
    small = picture.resize(size, Image.Resampling.BOX, box=box, reducing_gap=1.0)
    coarse = matte.resize(size, Image.Resampling.BOX, reducing_gap=1.0)
    uncertain = coarse.point(lambda value: 255 if 2 < value < 253 else 0)
    band = np.asarray(uncertain.filter(ImageFilter.BoxBlur(_RADIUS)))  # above 0 wherever the filter reaches
    planes = [Image.fromarray(plane) for plane in _guided_planes(small, coarse)]
    return _Maps(planes, *_edge_colours(small, coarse), band)


def _guided_planes(small: Image.Image, matte: Image.Image) -> Floats:
    """Return the averaged linear models alpha (0…1) ≈ a·colour (0…255) + b: three planes of a, one of b."""
    guide = np.asarray(small, np.float32).transpose(2, 0, 1) / 255
    target = np.asarray(matte, np.float32)[None] / 255
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    products = np.stack([guide[i] * guide[j] for i, j in pairs])
    means = box_mean(np.concatenate([guide, target, products, guide * target]), _RADIUS)
    mean, goal = means[:3], means[3]
    variance = [means[4 + k] - mean[i] * mean[j] + (_EPSILON if i == j else 0) for k, (i, j) in enumerate(pairs)]
    slope = _solve_symmetric(variance, means[10:] - mean * goal)
    offset = goal - (slope * mean).sum(axis=0)
    return box_mean(np.concatenate([slope / 255, offset[None]]), _RADIUS)


def _solve_symmetric(matrix: list[Floats], right: Floats) -> Floats:
    """Solve the 3×3 systems [[a b c] [b d e] [c e f]]·x = right of every pixel by Cramer's rule."""
    a, b, c, d, e, f = matrix
    p, q, r = d * f - e * e, c * e - b * f, b * e - c * d
    s, t, u = a * f - c * c, b * c - a * e, a * d - b * b
    x = np.stack([p * right[0] + q * right[1] + r * right[2],
                  q * right[0] + s * right[1] + t * right[2],
                  r * right[0] + t * right[1] + u * right[2]])  # fmt: skip
    return np.asarray(x / np.maximum(a * p + b * q + c * r, 1e-9), np.float32)


def _edge_colours(small: Image.Image, matte: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return foreground and background colours around each pixel: averages weighted by alpha and 1 − alpha."""
    colour = np.asarray(small, np.float32).transpose(2, 0, 1)
    weight = np.asarray(matte, np.float32)[None] / 255
    sums = box_mean(np.concatenate([colour * weight, colour * (1 - weight), weight]), 2 * _RADIUS)
    inside = np.maximum(sums[6], 1e-3)
    outside = np.maximum(1 - sums[6], 1e-3)
    return _to_image(sums[:3] / inside), _to_image(sums[3:6] / outside)


def _to_image(planes: Floats) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(planes, 0, 255)).astype(np.uint8).transpose(1, 2, 0))


def _refine_tile(picture: Image.Image, box: Box, matte: Image.Image, maps: _Maps, tile: Box) -> None:
    place = (box[0] + tile[0], box[1] + tile[1])
    size = (tile[2] - tile[0], tile[3] - tile[1])
    region = _on_small(tile, matte.size, maps.band.shape)

    def enlarged(small: Image.Image) -> NDArray[Any]:
        return np.asarray(small.resize(size, Image.Resampling.BILINEAR, box=region))

    part = np.array(picture.crop((*place, place[0] + size[0], place[1] + size[1])))
    filtered = enlarged(maps.filter[3]) + sum(part[..., k] * enlarged(maps.filter[k]) for k in range(3))
    alpha = np.clip((filtered - np.float32(_LOW)) / np.float32(_HIGH - _LOW), 0, 1)
    soft = np.rint(alpha * 255).astype(np.uint8)
    matte.paste(Image.fromarray(soft), tile[:2])
    mixed = (soft > 0) & (soft < 255)
    if mixed.any():
        inner, outer = (enlarged(colours)[mixed].astype(np.float32) for colours in (maps.inner, maps.outer))
        share = alpha[mixed][:, None]
        cleaned = inner + share * (part[mixed] - share * inner - (1 - share) * outer)
        part[mixed] = np.rint(np.clip(cleaned, 0, 255)).astype(np.uint8)
        picture.paste(Image.fromarray(part), place)


def _band_tiles(maps: _Maps, size: tuple[int, int]) -> Iterator[Box]:
    """Yield the tiles of a box of ``size`` that contain a part of the uncertain band."""
    width, height = size
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            tile = (left, top, min(width, left + _TILE), min(height, top + _TILE))
            x0, y0, x1, y1 = _on_small(tile, size, maps.band.shape)
            if maps.band[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1].any():
                yield tile


def _on_small(tile: Box, size: tuple[int, int], shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    x, y = shape[1] / size[0], shape[0] / size[1]
    return tile[0] * x, tile[1] * y, min(shape[1], tile[2] * x), min(shape[0], tile[3] * y)
