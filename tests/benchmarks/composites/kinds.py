"""The kinds of composites: how products, grounds and what disturbs come together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image

from tests.benchmarks.composites import drawings, grounds
from tests.benchmarks.composites.stage import SIZE, Stage
from tests.benchmarks.composites.things import (
    NAMES,
    RGB,
    between,
    of_catalogue,
    oval,
    recoloured,
    rounded,
    solid,
)

Rng = np.random.Generator
_THIN = (drawings.chair, drawings.table, drawings.tripod)
_CORDS = (drawings.cable, drawings.coil, drawings.pendant)
_HOLES = (drawings.glasses, drawings.basket, drawings.rings, drawings.scissors, drawings.bicycle)
_WHOLE = tuple(name for name in NAMES if name != "watch-leather")
_WHITE: RGB = (255, 255, 255)


def _any(rng: Rng) -> Image.Image:
    """Return a product of any form, in any colour."""
    if rng.random() < 0.6:
        return recoloured(of_catalogue(str(rng.choice(_WHOLE))), rng)
    drawn = (*_THIN, *_HOLES, drawings.package, drawings.garment, drawings.plush, drawings.monitor)
    return drawn[rng.integers(len(drawn))](rng)


def _studio(rng: Rng) -> Stage:
    """Return a stage with a plain or a studio ground."""
    ground = grounds.studio(SIZE, rng) if rng.random() < 0.4 else grounds.plain(SIZE, grounds.muted(rng, 110, 235), rng)
    return Stage(ground, rng)


def _textured(rng: Rng) -> Stage:
    return Stage(grounds.TEXTURED[rng.integers(len(grounds.TEXTURED))](SIZE, rng), rng)


def _on_white(rng: Rng) -> Stage:
    return Stage(Image.new("RGB", SIZE, _WHITE), rng, shadow=rng.choice([0.0, 0.15]), noise=0.0)


def _one(rng: Rng) -> tuple[float, float, float]:
    """Return middle, foot and height of a product that fills a good part of the frame, as shares of it."""
    return rng.uniform(0.44, 0.56), rng.uniform(0.84, 0.92), rng.uniform(0.55, 0.75)


def set_of_parts(rng: Rng) -> Stage:
    stage = (_studio, _on_white, _textured)[rng.choice(3, p=[0.6, 0.2, 0.2])](rng)
    pieces = drawings.console(rng) if rng.random() < 0.4 else [_any(rng) for _ in range(rng.integers(2, 4))]
    for index, piece in enumerate(pieces):
        middle = (index + 0.5) / len(pieces) * 0.86 + 0.07
        stage.place(piece, middle, rng.uniform(0.78, 0.88), rng.uniform(0.22, 0.62), most_width=0.8 / len(pieces))
    return stage


def thin_legs(rng: Rng) -> Stage:
    stage = (_studio, _on_white, _textured)[rng.choice(3, p=[0.6, 0.2, 0.2])](rng)
    stage.place(_THIN[rng.integers(len(_THIN))](rng), *_one(rng))
    return stage


def cords(rng: Rng) -> Stage:
    stage = (_studio, _on_white)[rng.choice(2, p=[0.7, 0.3])](rng)
    stage.place(_CORDS[rng.integers(len(_CORDS))](rng), *_one(rng), flat=True)
    return stage


def white_ground(rng: Rng) -> Stage:
    stage = _on_white(rng)
    stage.place(_any(rng), *_one(rng))
    return stage


def plain_ground(rng: Rng) -> Stage:
    stage = _studio(rng)
    stage.place(_any(rng), *_one(rng))
    return stage


def dark_on_dark(rng: Rng) -> Stage:
    stage = Stage(grounds.plain(SIZE, grounds.muted(rng, 8, 40), rng, slope=0.3), rng)
    low = rng.uniform(8, 30)
    stage.place(between(_any(rng), low, low + rng.uniform(40, 110)), *_one(rng))
    return stage


def white_on_white(rng: Rng) -> Stage:
    tint = int(rng.integers(228, 256))
    ground = grounds.plain(SIZE, (tint, tint, tint), rng, slope=0.03)
    stage = Stage(ground, rng, shadow=rng.uniform(0.1, 0.35))
    low = rng.uniform(150, 205)
    stage.place(between(_any(rng), low, rng.uniform(235, 252)), *_one(rng))
    return stage


def printed_box(rng: Rng) -> Stage:
    stage = (_studio, _on_white, _textured)[rng.choice(3, p=[0.4, 0.35, 0.25])](rng)
    stage.place(drawings.package(rng), *_one(rng))
    return stage


def holes(rng: Rng) -> Stage:
    stage = (_studio, _on_white, _textured)[rng.choice(3, p=[0.5, 0.25, 0.25])](rng)
    stage.place(_HOLES[rng.integers(len(_HOLES))](rng), *_one(rng))
    return stage


def stray_objects(rng: Rng) -> Stage:
    stage = (_studio, _textured)[rng.choice(2, p=[0.6, 0.4])](rng)
    for _ in range(rng.integers(1, 4)):
        side = rng.choice([rng.uniform(-0.05, 0.1), rng.uniform(0.9, 1.05)])
        stage.place(_any(rng), side, rng.uniform(0.3, 1.0), rng.uniform(0.08, 0.2), belongs=False)
    stage.place(_any(rng), 0.5, 0.88, rng.uniform(0.55, 0.7), most_width=0.6)
    return stage


def cut_by_frame(rng: Rng) -> Stage:
    stage = (_studio, _textured)[rng.choice(2, p=[0.6, 0.4])](rng)
    middle, foot = [(0.5, 1.15), (0.12, 0.9), (0.9, 0.9)][rng.integers(3)]
    stage.place(_any(rng), middle, foot, rng.uniform(0.6, 0.8))
    return stage


def textured_ground(rng: Rng) -> Stage:
    stage = _textured(rng)
    stage.place(_any(rng), *_one(rng))
    return stage


def cluttered_room(rng: Rng) -> Stage:
    stage = Stage(grounds.room(SIZE, rng), rng)
    stage.place(_any(rng), *_one(rng))
    return stage


def small_in_frame(rng: Rng) -> Stage:
    stage = (_studio, _textured)[rng.choice(2, p=[0.6, 0.4])](rng)
    stage.place(_any(rng), rng.uniform(0.3, 0.7), rng.uniform(0.5, 0.85), rng.uniform(0.18, 0.32))
    return stage


def screens(rng: Rng) -> Stage:
    stage = (_studio, _on_white)[rng.choice(2, p=[0.6, 0.4])](rng)
    stage.place(drawings.monitor(rng), *_one(rng))
    return stage


def fur(rng: Rng) -> Stage:
    stage = (_studio, _on_white, _textured)[rng.choice(3, p=[0.5, 0.2, 0.3])](rng)
    stage.place(drawings.plush(rng), *_one(rng))
    return stage


def garments(rng: Rng) -> Stage:
    ground = grounds.cloth(SIZE, rng) if rng.random() < 0.5 else grounds.wood(SIZE, rng)
    stage = Stage(ground, rng)
    stage.place(drawings.garment(rng), 0.5, 0.92, rng.uniform(0.7, 0.84), flat=True)
    return stage


def in_hand(rng: Rng) -> Stage:
    stage = Stage(grounds.room(SIZE, rng) if rng.random() < 0.5 else grounds.studio(SIZE, rng), rng)
    skin = tuple(int(value) for value in np.array((225, 172, 145)) * rng.uniform(0.45, 1.05))
    arm = solid(skin, rounded(0.4, 0.3, 0.62, 1.0, 0.1))  # type: ignore[arg-type]
    stage.place(arm.crop(arm.getbbox()), 0.52, 1.1, 0.55, belongs=False)
    name = rng.choice(
        ["mug-striped", "soap-olive", "candle-amber", "perfume-rose", "spray-cleaner", "bottle-olive-oil"]
    )
    stage.place(recoloured(of_catalogue(str(name)), rng), 0.5, 0.78, rng.uniform(0.35, 0.55))
    for row in range(3):
        finger = solid(skin, oval(0.1, 0.3, 0.9, 0.6))  # type: ignore[arg-type]
        stage.cover(finger.crop(finger.getbbox()), 0.58, 0.6 + 0.055 * row, 0.05)
    return stage


#: name → what makes one of it; the names are printed beside the figures
KINDS: Mapping[str, Callable[[Rng], Stage]] = MappingProxyType(
    {
        function.__name__.replace("_", " "): function
        for function in (
            set_of_parts,
            thin_legs,
            cords,
            white_ground,
            plain_ground,
            dark_on_dark,
            white_on_white,
            printed_box,
            holes,
            stray_objects,
            cut_by_frame,
            textured_ground,
            cluttered_room,
            small_in_frame,
            screens,
            fur,
            garments,
            in_hand,
        )
    }
)
