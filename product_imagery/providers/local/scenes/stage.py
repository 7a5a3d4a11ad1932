"""Rendering of backdrops: a wall, a floor in perspective, light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageFilter

from product_imagery.providers.local.arrays import Floats
from product_imagery.providers.local.scenes.poses import HANG, LIE, STAND
from product_imagery.providers.local.scenes.textures import Colour, clouds, noise, tinted

_LONGEST = 1600  #: a backdrop is out of focus, so more pixels would not show more
Texture = Callable[[np.random.Generator], Floats]


@dataclass(frozen=True)
class Light:
    """Direction of the light and its effect on the product.

    A positive ``lean`` casts the shadow to the right; ``tint`` multiplies the product's channels.
    """

    lean: float = 0.5
    tint: Colour = (1.0, 1.0, 1.0)
    shadow: float = 0.42
    shadow_colour: tuple[int, int, int] = (20, 18, 16)
    softness: float = 1.6
    slope: float = 0.10  #: how much darker the far side of the product is than the near one


@dataclass(frozen=True)
class Stage:
    """Description of a backdrop.

    ``horizon``, where the floor begins, and ``ground``, where things stand, are shares of the height.
    """

    label: str
    wall: tuple[Colour, Colour]
    floor: Texture | None = None
    wall_texture: Texture | None = None
    horizon: float = 0.58
    ground: float = 0.83
    scale: float = 1.0
    light: Light = field(default_factory=Light)
    glow: tuple[float, float, float] = (0.5, 0.45, 0.25)  #: centre x, centre y, strength of the light on the wall
    dapple: float = 0.0  #: strength of leaf shadows
    gloss: float = 0.0  #: strength of the product's reflection
    haze: float = 0.06  #: depth of the edge between floor and wall, as a share of the floor's height
    hills: float = 0.0  #: by how much that edge rises and falls, as a share of the same
    outdoors: bool = False  #: there is no wall: what hangs has the surface of the floor behind it


def render(stage: Stage, size: tuple[int, int], rng: np.random.Generator, pose: str = STAND) -> Image.Image:
    """Render the empty stage as an RGB picture of ``size``. The same generator state gives the same picture.

    A product stands on the floor, lies on it, seen from above, or hangs on the wall.
    """
    factor = min(1.0, _LONGEST / max(size))
    width, height = max(2, round(size[0] * factor)), max(2, round(size[1] * factor))
    if pose == LIE or (pose == HANG and stage.outdoors):
        picture = _surface(stage, width, height, rng)
    else:
        picture = _wall(stage, width, height, rng, to_the_floor=pose == STAND)
        if stage.floor is not None and pose == STAND:
            _lay_floor(picture, stage, stage.floor(rng), rng)
    _shine(picture, stage)
    if stage.dapple:
        picture *= _leaves(rng, width, height, stage.dapple)[..., None]
    picture += rng.standard_normal((height, width, 1)).astype(np.float32) * 0.006
    image = Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def _surface(stage: Stage, width: int, height: int, rng: np.random.Generator) -> Floats:
    """Return the floor as it is seen from above."""
    texture = stage.floor or stage.wall_texture
    if texture is None:
        return _wall(stage, width, height, rng, to_the_floor=False)
    side = max(width, height)
    tile = Image.fromarray(np.rint(np.clip(texture(rng), 0, 1) * 255).astype(np.uint8))
    flat = tile.resize((side, side), Image.Resampling.BICUBIC).crop((0, 0, width, height))
    return np.array(flat, np.float32) / np.float32(255)


def _wall(stage: Stage, width: int, height: int, rng: np.random.Generator, *, to_the_floor: bool) -> Floats:
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None].repeat(width, axis=1).astype(np.float32)
    # A studio sweep has no corner: the gradient of the wall continues to the lower edge.
    edge = stage.horizon if stage.floor is not None and to_the_floor else 1.0
    picture = tinted(down / edge, *stage.wall)
    if stage.wall_texture is not None:
        tile = Image.fromarray(np.rint(np.clip(stage.wall_texture(rng), 0, 1) * 255).astype(np.uint8))
        side = max(width, height)
        blurred = tile.resize((side, side), Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(side / 300))
        return np.array(blurred.crop((0, 0, width, height)), np.float32) / np.float32(255)
    return picture


def _lay_floor(picture: Floats, stage: Stage, tile: Floats, rng: np.random.Generator) -> None:
    """Sample the tile in perspective below the horizon. Distant rows come from a blurred copy of it."""
    height, width = picture.shape[:2]
    first = round(height * stage.horizon)
    depth = (np.arange(first, height, dtype=np.float32) - first + 0.5) / (height - first)
    distance = 1 / (0.35 + depth)
    across = (np.arange(width, dtype=np.float32) - width / 2) / height
    side = tile.shape[0]
    u = (across[None] * distance[:, None] * 0.75 * stage.scale + 0.5) * side
    v = (np.broadcast_to(distance[:, None], u.shape) * 0.55 * stage.scale) * side
    u, v = u.astype(np.float32), v.astype(np.float32)
    floor = _sample(tile, u, v)
    shrunk = Image.fromarray(np.rint(np.clip(tile, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(5))
    focus = np.clip((depth - 0.05) * 3.2, 0, 1)[:, None, None]
    soft = int((focus < 1).sum())
    far = _sample(np.asarray(shrunk, np.float32) / np.float32(255), u[:soft], v[:soft])
    floor[:soft] = floor[:soft] * focus[:soft] + far * (1 - focus[:soft])
    # The edge between wall and floor is soft, because it is out of focus.
    edge = int((depth < stage.hills + stage.haze).sum())
    hills = stage.hills * (0.5 + 0.5 * noise(rng, (width, 1), (3, 1))[0])
    blend = np.clip((depth[:edge, None] - hills[None]) / stage.haze, 0, 1)[..., None]
    blend *= blend * (3 - 2 * blend)
    floor[:edge] = floor[:edge] * blend + picture[first : first + edge] * (1 - blend)
    picture[first:] = floor


def _sample(tile: Floats, u: Floats, v: Floats) -> Floats:
    """Sample bilinearly with wrap-around, mirrored to avoid visible seams."""
    side = tile.shape[0]

    def mirror(values: Floats) -> Floats:
        folded = np.mod(values, 2 * side - 2)
        return np.asarray(np.where(folded > side - 1, 2 * side - 2 - folded, folded), np.float32)

    x, y = mirror(u), mirror(v)
    x0, y0 = np.minimum(x.astype(np.int32), side - 2), np.minimum(y.astype(np.int32), side - 2)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    upper = tile[y0, x0] * (1 - fx) + tile[y0, x0 + 1] * fx
    lower = tile[y0 + 1, x0] * (1 - fx) + tile[y0 + 1, x0 + 1] * fx
    return np.asarray(upper * (1 - fy) + lower * fy, np.float32)


def _shine(picture: Floats, stage: Stage) -> None:
    """Add a pool of light and darken the corners."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    centre_x, centre_y, strength = stage.glow
    far = ((x / width - centre_x) ** 2 + ((y / height - centre_y) * 0.9) ** 2) / 0.35
    picture *= (1 - strength * 0.55 + strength * np.exp(-far * 1.6))[..., None]


def _leaves(rng: np.random.Generator, width: int, height: int, strength: float) -> Floats:
    """Return the light through foliage as a factor per pixel: soft, slanted blobs."""
    pattern = clouds(rng, (width, height), (4, 6), 3) + 0.5 * clouds(rng, (width, height), (9, 5), 2)
    shade = np.clip(pattern * 2.2, -1, 1) * 0.5 + 0.5
    image = Image.fromarray(np.rint(shade * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(width / 110))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    # The product stands in a sunny spot, because no leaf throws its shadow on it.
    spot = np.exp(-(((x / width - 0.5) / 0.36) ** 4) - ((y / height - 0.62) / 0.36) ** 4)
    return np.asarray(1 - strength * np.asarray(image, np.float32) / 255 * (1 - 0.9 * spot), np.float32)
