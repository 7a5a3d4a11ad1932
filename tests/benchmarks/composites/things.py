"""Products to place: those of the rendered catalogue, and drawn ones with the parts that cut-outs lose.

Each function returns an ``RGBA`` picture whose colours are clean along the edge, trimmed to its visible pixels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from example_project import catalogue
from product_imagery.providers.local.arrays import box_mean

_FOLDER = Path(catalogue.__file__).parent
_SIDE, _FINE = 720, 2  #: side of a drawing, and how much finer it is drawn
RGB = tuple[int, int, int]
Draw = Callable[[ImageDraw.ImageDraw], None]
NAMES = tuple(entry.name for entry in catalogue.CATALOGUE)


@functools.cache
def of_catalogue(name: str) -> Image.Image:
    """Return a product of the catalogue by its exact matte, at most 700 pixels high and wide."""
    photo = ImageOps.exif_transpose(Image.open(_FOLDER / "photos" / f"{name}.jpg")).convert("RGB")
    matte = Image.open(_FOLDER / "mattes" / f"{name}.png").convert("L")
    return _cleaned(photo, matte)


def solid(colour: RGB, draw: Draw, depth: float = 12, contrast: float = 0.5) -> Image.Image:
    """Return a shape that ``draw`` fills with 255 on a mask, shaded as if it bulged by ``depth`` pixels."""
    mask = Image.new("L", (_SIDE * _FINE, _SIDE * _FINE))
    draw(ImageDraw.Draw(mask))
    mask = mask.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    relief = np.asarray(mask.filter(ImageFilter.GaussianBlur(depth)), np.float32) / 255
    rise_y, rise_x = np.gradient(relief)
    light = 0.9 + contrast * np.clip((rise_x * 0.6 + rise_y) * depth, -1.2, 1.2) + 0.08 * relief
    values = np.clip(np.array(colour, np.float32) * light[..., None], 0, 255).astype(np.uint8)
    return _with_alpha(Image.fromarray(values), mask)


def scaled(*values: float) -> list[float]:
    """Return coordinates of a drawing, given as shares of its side, in pixels of its mask."""
    return [value * _SIDE * _FINE for value in values]


def line(points: Iterable[tuple[float, float]], width: float) -> Draw:
    """Return a stroke through points, both as shares of the side."""

    def draw(mask: ImageDraw.ImageDraw) -> None:
        path, radius = [tuple(scaled(*point)) for point in points], width * _SIDE * _FINE / 2
        mask.line(path, fill=255, width=max(1, round(2 * radius)), joint="curve")
        for x, y in (path[0], path[-1]):
            mask.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)

    return draw


def lines(strokes: Iterable[tuple[float, float, float, float]], width: float) -> Draw:
    """Return several straight strokes of one width."""

    def draw(mask: ImageDraw.ImageDraw) -> None:
        for x0, y0, x1, y1 in strokes:
            line([(x0, y0), (x1, y1)], width)(mask)

    return draw


def rounded(left: float, top: float, right: float, bottom: float, radius: float = 0.02) -> Draw:
    """Return a rectangle with round corners."""
    return lambda mask: mask.rounded_rectangle(
        scaled(left, top, right, bottom), radius=radius * _SIDE * _FINE, fill=255
    )


def oval(left: float, top: float, right: float, bottom: float, hole: float = 0.0) -> Draw:
    """Return an ellipse; ``hole`` is the width of its rim, 0 for a full one."""

    def draw(mask: ImageDraw.ImageDraw) -> None:
        mask.ellipse(scaled(left, top, right, bottom), fill=255)
        if hole:
            mask.ellipse(scaled(left + hole, top + hole, right - hole, bottom - hole), fill=0)

    return draw


def polygon(*points: tuple[float, float]) -> Draw:
    """Return a filled polygon."""
    return lambda mask: mask.polygon([tuple(scaled(*point)) for point in points], fill=255)


def joined(*parts: Image.Image) -> Image.Image:
    """Return drawings of the same size, each above the one before, trimmed."""
    whole = parts[0]
    for part in parts[1:]:
        whole = Image.alpha_composite(whole, part)
    box = whole.getchannel("A").point(lambda value: 255 if value > 8 else 0).getbbox()
    assert box is not None
    return _cleaned(whole.convert("RGB").crop(box), whole.getchannel("A").crop(box))


def recoloured(thing: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a product in another colour: its channels swapped and weighed at random."""
    channels = np.asarray(thing.convert("RGB"), np.float32)[..., rng.permutation(3)] * rng.uniform(0.75, 1.1, 3)
    mirrored = ImageOps.mirror if rng.random() < 0.5 else Image.Image.copy
    return mirrored(_with_alpha(Image.fromarray(np.clip(channels, 0, 255).astype(np.uint8)), thing.getchannel("A")))


def between(thing: Image.Image, low: float, high: float) -> Image.Image:
    """Return a product whose brightness runs from ``low`` to ``high`` (0…255), nearly without colour."""
    alpha = thing.getchannel("A")
    grey = np.asarray(thing.convert("L"), np.float32)
    seen = grey[np.asarray(alpha) > 128]
    dark, light = np.percentile(seen, (2, 98))
    share = np.clip((grey - dark) / max(light - dark, 1), 0, 1)
    tint = (np.asarray(thing.convert("RGB"), np.float32) - grey[..., None]) * 0.12
    values = np.clip((low + share * (high - low))[..., None] + tint, 0, 255).astype(np.uint8)
    return _with_alpha(Image.fromarray(values), alpha)


def printed(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Return the print of a package or a screen: a ground, bands, discs, and lines in place of text."""
    width, height = size
    picture = Image.new("RGB", size, colour(rng, 30, 250))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(2, 5)):
        x, y = rng.uniform(0, 0.8) * width, rng.uniform(0, 0.8) * height
        box: Any = (x, y, x + rng.uniform(0.2, 0.6) * width, y + rng.uniform(0.15, 0.5) * height)
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=colour(rng, 10, 255))
    ink = colour(rng, 0, 255)
    for row in range(rng.integers(3, 8)):
        y = height * (0.1 + 0.1 * row)
        draw.rectangle((width * 0.1, y, width * rng.uniform(0.3, 0.9), y + height * 0.025), fill=ink)
    return picture


def colour(rng: np.random.Generator, low: int, high: int) -> RGB:
    """Return a random colour."""
    return tuple(int(value) for value in rng.integers(low, high, 3))  # type: ignore[return-value]


def _cleaned(photo: Image.Image, matte: Image.Image) -> Image.Image:
    """Return a cut-out without its old background: colours spread outwards from where the matte is full."""
    full = (np.asarray(matte) > 250).astype(np.float32)
    colours = np.asarray(photo, np.float32)
    inner = colours
    for radius in (12, 5, 2):
        planes = np.concatenate([full[None], colours.transpose(2, 0, 1) * full])
        weight, *spread = box_mean(planes, radius)
        known = (weight > 0.02)[..., None]
        inner = np.where(known, np.stack(spread, axis=-1) / np.maximum(weight, 1e-3)[..., None], inner)
    inner = np.where(full[..., None] > 0, colours, inner)
    cut = _with_alpha(Image.fromarray(np.clip(inner, 0, 255).astype(np.uint8)), matte)
    cut = cut.crop(matte.point(lambda value: 255 if value > 8 else 0).getbbox())
    cut.thumbnail((700, 700), Image.Resampling.LANCZOS)
    return cut


def _with_alpha(picture: Image.Image, alpha: Image.Image) -> Image.Image:
    result = picture.convert("RGBA")
    result.putalpha(alpha)
    return result
