"""Procedural materials: (h, w, 3) float arrays, 0…1, determined by their random generator."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from product_imagery.providers.local.arrays import Floats

_SIDE = 1024
Colour = tuple[float, float, float]


def noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> Floats:
    """Return smooth noise, −1…1, of ``size`` (width, height), with ``cells`` bumps in each direction."""
    seeds = rng.uniform(-1, 1, (cells[1] + 3, cells[0] + 3)).astype(np.float32)
    return np.asarray(Image.fromarray(seeds).resize(size, Image.Resampling.BICUBIC), np.float32)


def clouds(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int], octaves: int = 5) -> Floats:
    """Return noise at several scales, each half as strong as the previous one."""
    layers = [noise(rng, size, (cells[0] << k, cells[1] << k)) / 2**k for k in range(octaves)]
    return np.asarray(sum(layers[1:], start=layers[0]) / 1.6, np.float32)


def tinted(value: Floats, dark: Colour, light: Colour) -> Floats:
    """Map values from 0…1 to colours between ``dark`` and ``light``."""
    share = np.clip(value, 0, 1)[..., None]
    return np.asarray(np.array(dark, np.float32) * (1 - share) + np.array(light, np.float32) * share, np.float32)


def marble(rng: np.random.Generator, dark: Colour, light: Colour) -> Floats:
    """Return stone with slanted veins of two widths."""
    size = (_SIDE, _SIDE)
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) / _SIDE
    warp = clouds(rng, size, (3, 3))
    broad = 1 - np.abs(np.sin((x * 2.0 + y * 3.1 + warp * 1.3) * np.pi))
    fine = 1 - np.abs(np.sin((x * 5.2 - y * 3.7 + clouds(rng, size, (4, 4)) * 1.8) * np.pi))
    veins = 0.75 * broad**14 + 0.35 * fine**26 + 0.12 * (0.5 + 0.5 * clouds(rng, size, (5, 5)))
    return tinted(1 - veins, dark, light)


def wood(rng: np.random.Generator, dark: Colour, light: Colour, planks: int = 7) -> Floats:
    """Return boards that lead away from the viewer, each from another part of the trunk."""
    board = _SIDE // planks
    rows = np.arange(_SIDE, dtype=np.float32)[:, None] / _SIDE
    tile = np.empty((_SIDE, _SIDE), np.float32)
    for index in range(planks + 1):
        left, right = index * board, min(_SIDE, (index + 1) * board)
        if left >= right:
            break
        size = (right - left, _SIDE)
        across = np.linspace(-1, 1, right - left, dtype=np.float32)[None] + rng.uniform(-0.8, 0.8)
        rings = np.sin((across**2 * 5 + clouds(rng, size, (2, 2), 3) * 1.6 + rows * 0.6) * 9)
        fibres = noise(rng, size, (max(2, board // 3), 10))
        tile[:, left:right] = 0.55 + 0.16 * rings + 0.16 * fibres + rng.uniform(-0.14, 0.14)
        tile[:, max(0, left - 2) : left + 2] *= 0.45
    return tinted(tile, dark, light)


def linen(rng: np.random.Generator, dark: Colour, light: Colour) -> Floats:
    """Return a plain weave with uneven threads and a few soft folds."""
    threads = np.arange(_SIDE, dtype=np.float32) * np.pi / 4
    warp = np.sin(threads)[None] * (1 + 0.5 * rng.standard_normal((1, _SIDE)))
    weft = np.sin(threads)[:, None] * (1 + 0.5 * rng.standard_normal((_SIDE, 1)))
    weave = 0.5 + 0.11 * (warp * weft) + 0.05 * noise(rng, (_SIDE, _SIDE), (400, 400))
    folds = 0.16 * np.sin((clouds(rng, (_SIDE, _SIDE), (2, 2), 2)) * 4)
    return tinted(np.asarray(weave + folds + 0.1, np.float32), dark, light)


def concrete(rng: np.random.Generator, dark: Colour, light: Colour) -> Floats:
    """Return cast concrete with clouds, fine grain and a few air holes."""
    size = (_SIDE, _SIDE)
    grain = 0.07 * rng.standard_normal((_SIDE, _SIDE)).astype(np.float32)
    surface = 0.62 + 0.3 * clouds(rng, size, (4, 4), 6) + grain
    holes = Image.new("L", size)
    draw = ImageDraw.Draw(holes)
    for x, y, radius in zip(*rng.uniform(0, _SIDE, (2, 90)), rng.gamma(1.5, 1.6, 90), strict=True):
        draw.ellipse((x - radius, y - radius * 0.8, x + radius, y + radius * 0.8), fill=150)
    pits = np.asarray(holes.filter(ImageFilter.GaussianBlur(1)), np.float32) / 255
    return tinted(np.asarray(surface - pits * 0.6, np.float32), dark, light)


def terrazzo(rng: np.random.Generator, ground: Colour, chips: tuple[Colour, ...]) -> Floats:
    """Return polished ground with angular chips of several stones."""
    tile = Image.new("RGB", (_SIDE, _SIDE), tuple(round(255 * c) for c in ground))
    draw = ImageDraw.Draw(tile)
    for _ in range(620):
        x, y, radius = rng.uniform(0, _SIDE), rng.uniform(0, _SIDE), rng.gamma(2.2, 5.0) + 2
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 8)))
        reach = radius * rng.uniform(0.6, 1.2, len(angles))
        corners = [(float(x + r * np.cos(a)), float(y + r * np.sin(a))) for a, r in zip(angles, reach, strict=True)]
        shade = np.array(chips[rng.integers(len(chips))]) * rng.uniform(0.85, 1.08)
        draw.polygon(corners, fill=tuple(int(255 * min(1, c)) for c in shade))
    return np.asarray(tile.filter(ImageFilter.GaussianBlur(0.7)), np.float32) / np.float32(255)


def sand(rng: np.random.Generator, dark: Colour, light: Colour) -> Floats:
    """Return fine grains in wind ripples."""
    rows = np.arange(_SIDE, dtype=np.float32)[:, None] / _SIDE
    ripples = np.sin((rows * 13 + clouds(rng, (_SIDE, _SIDE), (3, 3), 3) * 0.9) * 2 * np.pi)
    grains = rng.standard_normal((_SIDE, _SIDE)).astype(np.float32)
    return tinted(np.asarray(0.58 + 0.16 * ripples + 0.09 * grains, np.float32), dark, light)
