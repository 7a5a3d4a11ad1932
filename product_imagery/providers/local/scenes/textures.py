"""Procedural materials: (h, w, 3) float arrays, 0…1, determined by their random generator."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from product_imagery.providers.local.arrays import Floats

_SIDE = 1024
#: of marble: stripes across and down, how much they wander, width, strength
_VEINS = (
    (1.3, 1.1, 0.55, 0.05, 0.6),
    (2.1, 2.6, 0.8, 0.02, 0.5),
    (3.4, -1.9, 0.9, 0.012, 0.35),
    (5.3, 6.1, 1.5, 0.012, 0.2),
)
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
    """Return stone with smoky bands and slanted veins that swell, thin out and fade."""
    size = (_SIDE, _SIDE)
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) / _SIDE
    warp = clouds(rng, size, (2, 2), 6)
    smoke = clouds(rng, size, (3, 3), 4)
    stain = np.zeros((_SIDE, _SIDE), np.float32)
    for across, down, bend, width, strength in _VEINS:
        away = np.abs(np.sin((across * x + down * y + bend * warp + rng.uniform(0, 1)) * np.pi))
        presence = np.clip(0.35 + 1.3 * noise(rng, size, (5, 5)), 0, 1)
        breadth = width * (0.15 + presence**2)
        stain += strength * presence * (np.exp(-away / breadth) + 0.3 * np.exp(-away / (9 * width)))
    return tinted(1 - stain - 0.14 * np.clip(smoke + 0.3, 0, 1), dark, light)


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
    for _ in range(2400):
        x, y, radius = rng.uniform(0, _SIDE), rng.uniform(0, _SIDE), min(17.0, rng.gamma(1.5, 2.8) + 1.2)
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 8)))
        reach = radius * rng.uniform(0.6, 1.2, len(angles))
        corners = [(float(x + r * np.cos(a)), float(y + r * np.sin(a))) for a, r in zip(angles, reach, strict=True)]
        shade = np.array(chips[rng.integers(len(chips))]) * rng.uniform(0.85, 1.08)
        draw.polygon(corners, fill=tuple(int(255 * min(1, c)) for c in shade))
    return np.asarray(tile.filter(ImageFilter.GaussianBlur(0.7)), np.float32) / np.float32(255)


def sand(rng: np.random.Generator, dark: Colour, light: Colour) -> Floats:
    """Return grains of several sizes, with wind ripples that come and go."""
    size = (_SIDE, _SIDE)
    rows = np.arange(_SIDE, dtype=np.float32)[:, None] / _SIDE
    phase = rows * 24 + clouds(rng, size, (2, 3), 5) * 1.5
    ripples = (1 - np.abs(np.sin(phase * np.pi))) ** 0.8 - 0.45  # sharp crests, broad troughs
    windy = np.clip(0.45 + 0.9 * clouds(rng, size, (2, 3), 3), 0, 1)
    mounds = clouds(rng, size, (3, 4), 4)
    grains = rng.standard_normal((_SIDE, _SIDE)).astype(np.float32)
    clumps = noise(rng, size, (256, 256))
    value = 0.62 + 0.13 * windy * ripples + 0.16 * mounds + 0.06 * grains + 0.07 * clumps
    return tinted(np.asarray(value, np.float32), dark, light)
