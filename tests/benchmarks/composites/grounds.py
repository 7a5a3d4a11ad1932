"""Grounds to place products on: plain, studio, textured, and a room out of focus. All are ``RGB``."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from example_project.tools.catalogue_renderer.materials import Pattern, boards, veined
from tests.benchmarks.composites.things import RGB, colour

Size = tuple[int, int]


def plain(size: Size, tint: RGB, rng: np.random.Generator, slope: float = 0.06) -> Image.Image:
    """Return one colour under a light that falls off towards a side and the corners."""
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + slope * (x * np.cos(angle) + y * np.sin(angle)) - slope * 0.7 * (x * x + y * y)
    return _picture(np.array(tint, np.float32) * light[..., None])


def studio(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return a wall and a floor of slightly different brightness, with a soft or a hard join."""
    tint = np.array(muted(rng, 90, 225), np.float32)
    y = np.linspace(0, 1, size[1])[:, None, None]
    join = 1 / (1 + np.exp(-(y - rng.uniform(0.55, 0.75)) * rng.choice([25, 400])))
    return _picture(np.broadcast_to(tint * (1 - join * rng.uniform(0.08, 0.3)), (size[1], size[0], 3)))


def muted(rng: np.random.Generator, low: int, high: int) -> RGB:
    """Return a colour as walls and paper have it: near to grey, but for one in five."""
    tint = np.array(colour(rng, low, high))
    share = 1.0 if rng.random() < 0.2 else 0.3
    return tuple(int(value) for value in tint * share + tint.mean() * (1 - share))  # type: ignore[return-value]


def wood(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return planks in perspective."""
    dark = rng.uniform(0.15, 0.45)
    pattern = boards((dark, dark * 0.7, dark * 0.45), (dark * 1.9, dark * 1.45, dark))
    return _in_perspective(size, pattern, rng)


def stone(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return veined stone in perspective."""
    light = rng.uniform(0.35, 0.85)
    return _in_perspective(size, veined((light,) * 3, (light * 0.7,) * 3, rng.uniform(1, 3)), rng)  # type: ignore[arg-type]


def brick(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return a brick wall or pavement."""
    picture = Image.new("RGB", size, (185, 178, 168))
    draw = ImageDraw.Draw(picture)
    high = int(rng.integers(36, 70))
    base = np.array((150, 75, 55)) * rng.uniform(0.8, 1.3)
    for row, top in enumerate(range(0, size[1], high)):
        for left in range(-2 * high + (row % 2) * high, size[0], 2 * high + high // 2):
            tint = tuple(int(min(255, value)) for value in base * rng.uniform(0.8, 1.15))
            draw.rectangle((left, top, left + 2 * high + high // 2 - 5, top + high - 5), fill=tint)
    return _rough(picture.filter(ImageFilter.GaussianBlur(0.8)), rng, 9)


def grass(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return a lawn of single blades."""
    picture = Image.new("RGB", size, (50, 75, 30))
    draw = ImageDraw.Draw(picture)
    for _ in range(size[0] * size[1] // 55):
        x, y, lean = rng.uniform(0, size[0]), rng.uniform(0, size[1] + 20), rng.normal(0, 7)
        tint = (int(rng.uniform(45, 130)), int(rng.uniform(85, 170)), int(rng.uniform(20, 70)))
        draw.line((x, y, x + lean, y - rng.uniform(10, 28)), fill=tint, width=2)
    return picture.filter(ImageFilter.GaussianBlur(0.7))


def cloth(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return folded cloth, as of a bed or a curtain."""
    tint = np.array(muted(rng, 90, 240), np.float32)
    y, x = np.mgrid[0 : 1 : size[1] * 1j, 0 : 1 : size[0] * 1j]
    light = np.ones((size[1], size[0]))
    for _ in range(5):
        angle, pitch = rng.uniform(0, np.pi), rng.uniform(2, 9)
        along = x * np.cos(angle) + y * np.sin(angle) + 0.08 * np.sin(6 * (x - y) + rng.uniform(0, 6))
        light += rng.uniform(0.02, 0.07) * np.sin(2 * np.pi * pitch * along + rng.uniform(0, 6))
    return _rough(_picture(tint * light[..., None]), rng, 3)


def tiles(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return a chequered or tiled floor."""
    first, second = colour(rng, 120, 240), colour(rng, 60, 240)
    side = int(rng.integers(50, 120))
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    odd = ((x // side + y // side) % 2 == 1)[..., None]
    return _rough(_picture(np.where(odd, first, second)), rng, 4)


def room(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return a room out of focus, with furniture and a table top in front."""
    picture = plain(size, colour(rng, 120, 230), rng)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(5, 11)):
        x, y = rng.uniform(-0.1, 0.95) * size[0], rng.uniform(-0.1, 0.5) * size[1]
        corner = (x + rng.uniform(0.08, 0.35) * size[0], y + rng.uniform(0.1, 0.4) * size[1])
        draw.rectangle((x, y, *corner), fill=colour(rng, 20, 240))
    draw.rectangle((0, size[1] * rng.uniform(0.6, 0.72), *size), fill=colour(rng, 60, 200))
    return _rough(picture.filter(ImageFilter.GaussianBlur(rng.uniform(6, 14))), rng, 3)


TEXTURED = (wood, stone, brick, grass, cloth, tiles)


def _in_perspective(size: Size, pattern: Pattern, rng: np.random.Generator) -> Image.Image:
    depth = 2.2 / np.linspace(0.55, 1.6, size[1])[:, None]
    across = np.linspace(-1, 1, size[0])[None] * depth * rng.uniform(1.0, 1.8)
    depth = np.broadcast_to(depth * 2, across.shape)
    points = np.stack([across, np.zeros_like(across), depth], axis=-1).reshape(-1, 3).astype(np.float32)
    return _rough(_picture(pattern(points).reshape(size[1], size[0], 3) * 255), rng, 4)


def _rough(picture: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    grain = rng.normal(0, strength, (picture.height, picture.width, 1))
    return _picture(np.asarray(picture, np.float32) + grain)


def _picture(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
