"""A small renderer: rays, light, soft shadows, a ground in perspective, a lens and a sensor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from example_project.tools.catalogue_renderer.materials import Material, Pattern
from example_project.tools.catalogue_renderer.shapes import Distances, Points, Solid

_STEPS = 90
_FAR = 12.0
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """A solid and its material."""

    solid: Solid
    material: Material


@dataclass(frozen=True)
class Setting:
    """Ground, backdrop and light of a photo. ``clutter`` is the number of blurred objects behind the product."""

    ground: Pattern
    wall: tuple[tuple[float, float, float], tuple[float, float, float]]
    light: tuple[float, float, float] = (-0.55, 0.9, -0.5)
    ambient: float = 0.42
    clutter: int = 0
    noise: float = 0.012
    seed: int = 1


@dataclass(frozen=True)
class Photo:
    """One photo, under its name in the catalogue.

    The parts stand on y = 0 around the origin, inside a ball of ``reach`` about ``middle``.
    """

    name: str
    parts: tuple[Part, ...]
    setting: Setting
    reach: float = 1.6
    middle: float = 1.0
    size: tuple[int, int] = (1100, 1100)
    pitch: float = 17.0
    zoom: float = 1.0
    orientation: int = 1
    shift: tuple[float, float] = field(default=(0.0, 0.0))


def render(photo: Photo, samples: int = 3) -> tuple[Image.Image, Image.Image]:
    """Return the RGB photo and its exact ``L`` matte; ``samples``² rays make one pixel."""
    rng = np.random.default_rng(photo.setting.seed)
    width, height = photo.size
    origin, rays = _rays(photo, samples)
    hit, distance = _march(photo, origin, rays)
    matte = hit.reshape(height, samples, width, samples).mean(axis=(1, 3))
    colour = _surroundings(photo, origin, rays)
    points = origin + rays[hit] * distance[hit, None]
    colour[hit] = _shade(photo, points, rays[hit])
    picture = colour.reshape(height, samples, width, samples, 3).mean(axis=(1, 3))
    picture = _defocus(photo, picture, matte, rng)
    picture = np.clip(picture, 0, 1) ** np.float32(1 / 2.0)
    return _sensor(picture, photo.setting, rng), Image.fromarray(np.rint(matte * 255).astype(np.uint8))


def _rays(photo: Photo, samples: int) -> tuple[Array, Array]:
    width, height = photo.size[0] * samples, photo.size[1] * samples
    pitch = np.radians(photo.pitch)
    away = 6.2
    middle = np.array([0, photo.middle, 0], np.float32)
    origin = middle + np.array([0, np.sin(pitch), -np.cos(pitch)], np.float32) * away
    forward = (middle - origin) / away
    right = np.array([1, 0, 0], np.float32)
    up = np.cross(forward, right)
    lens = 1.22 * photo.reach / away / photo.zoom
    scale = lens / min(width, height) * 2
    x = (np.arange(width, dtype=np.float32) - width / 2 + 0.5) * scale - photo.shift[0]
    y = (height / 2 - np.arange(height, dtype=np.float32) - 0.5) * scale - photo.shift[1]
    rays = forward + x[None, :, None] * right + y[:, None, None] * up
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    return origin.astype(np.float32), rays.reshape(-1, 3).astype(np.float32)


def _all(photo: Photo, p: Points) -> Distances:
    return np.minimum.reduce([part.solid(p) for part in photo.parts]).astype(np.float32)


def _march(photo: Photo, origin: Array, rays: Array) -> tuple[NDArray[np.bool_], Array]:
    """Trace the rays that hit the product's bounding sphere, by sphere tracing."""
    centre = np.array([0, photo.middle, 0], np.float32) - origin
    along = rays @ centre
    gap = centre @ centre - along**2
    chord = np.sqrt(np.maximum(0, photo.reach**2 - gap))
    active = np.flatnonzero((gap < photo.reach**2) & (along > 0))
    travelled = np.maximum(0.0, along - chord).astype(np.float32)
    end = along + chord
    hit = np.zeros(len(rays), bool)
    for _ in range(_STEPS):
        if not len(active):
            break
        points = origin + rays[active] * travelled[active, None]
        step = _all(photo, points)
        close = step < 6e-4
        hit[active[close]] = points[close, 1] > -1e-3
        travelled[active] += np.maximum(step, 3e-4)
        active = active[~close & (travelled[active] < end[active])]
    return hit, travelled


def _normal(photo: Photo, points: Points) -> Array:
    step = np.float32(1e-3)
    normal = np.empty_like(points)
    for axis in range(3):
        offset = np.zeros(3, np.float32)
        offset[axis] = step
        normal[:, axis] = _all(photo, points + offset) - _all(photo, points - offset)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)


def _light(photo: Photo) -> Array:
    direction = np.array(photo.setting.light, np.float32)
    return direction / np.linalg.norm(direction)


def _visible(photo: Photo, points: Points, hardness: float) -> Array:
    """Return the share of the light that reaches each point, 0…1, with soft shadows."""
    light = _light(photo)
    share = np.ones(len(points), np.float32)
    travelled = np.full(len(points), 0.02, np.float32)
    active = np.arange(len(points))
    for _ in range(48):
        if not len(active):
            break
        gap = _all(photo, points[active] + light * travelled[active, None])
        share[active] = np.minimum(share[active], np.clip(hardness * gap / travelled[active], 0, 1))
        travelled[active] += np.clip(gap, 0.015, 0.4)
        active = active[(share[active] > 0.01) & (travelled[active] < 5)]
    return share


def _shade(photo: Photo, points: Points, rays: Array) -> Array:
    normal, light = _normal(photo, points), _light(photo)
    owner = np.argmin([part.solid(points) for part in photo.parts], axis=0)
    shadow = _visible(photo, points + normal * 0.01, 9)
    colour = np.zeros_like(points)
    for index, part in enumerate(photo.parts):
        mine = owner == index
        if mine.any():
            colour[mine] = _surface(part.material, points[mine], normal[mine], rays[mine], light, shadow[mine], photo)
    return colour


def _surface(
    material: Material, p: Points, normal: Array, rays: Array, light: Array, shadow: Array, photo: Photo
) -> Array:
    base = material.pattern(p) ** np.float32(2.0)
    if material.roughness:
        grain = np.sin(p @ np.array([[91, 57, 33], [47, 83, 71], [29, 39, 97]], np.float32))
        normal = normal + material.roughness * grain
        normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    facing = np.clip(normal @ light, 0, 1) * shadow
    sky = 0.5 + 0.5 * normal[:, 1]
    near_ground = np.clip(0.55 + p[:, 1] * 0.6, 0.55, 1)
    lit = base * ((photo.setting.ambient * (0.35 + 0.65 * sky) * near_ground + 0.85 * facing)[:, None])
    mirrored = rays - 2 * (rays * normal).sum(axis=1, keepdims=True) * normal
    highlight = np.clip(mirrored @ light, 0, 1) ** material.sharpness * material.gloss * shadow
    fresnel = material.mirror + (1 - material.mirror) * 0.6 * (1 - np.clip(-(rays * normal).sum(axis=1), 0, 1)) ** 5
    room = np.where(mirrored[:, 1] > 0, 0.35 + 0.6 * mirrored[:, 1] ** 2 + 0.3 * (np.abs(mirrored[:, 0]) > 0.6), 0.25)
    share = np.minimum(fresnel, 0.9)[:, None] * min(1.0, material.gloss * 2)
    return np.asarray(lit * (1 - share) + (room[:, None] * share) + highlight[:, None], np.float32)


def _surroundings(photo: Photo, origin: Array, rays: Array) -> Array:
    """Draw the ground with the product's shadow, and the wall behind it."""
    setting = photo.setting
    top, bottom = (np.array(colour, np.float32) ** 2 for colour in setting.wall)
    share = np.clip((rays[:, 1] + 0.45) / 0.6, 0, 1)[:, None]
    colour = bottom * (1 - share) + top * share
    falling = rays[:, 1] < -0.02
    reach = np.full(len(rays), _FAR, np.float32)
    reach[falling] = np.minimum(_FAR, -origin[1] / rays[falling, 1])
    ground = np.flatnonzero(reach < _FAR * 0.99)
    points = origin + rays[ground] * reach[ground, None]
    shadow = np.ones(len(ground), np.float32)
    near = np.hypot(points[:, 0], points[:, 2]) < 3.5 * photo.reach
    shadow[near] = _visible(photo, points[near], 5)
    occluded = np.ones(len(ground), np.float32)
    gap = _all(photo, points[near] + np.array([0, 0.05, 0], np.float32))
    occluded[near] = np.clip(0.45 + gap * 1.6, 0.45, 1)
    light = (setting.ambient + 0.62 * shadow) * occluded
    floor = setting.ground(points) ** np.float32(2.0) * light[:, None]
    fade = np.clip((_FAR - reach[ground]) / (_FAR * 0.45), 0, 1)[:, None]
    colour[ground] = floor * fade + colour[ground] * (1 - fade)
    return np.asarray(colour, np.float32)


def _defocus(photo: Photo, picture: Array, matte: Array, rng: np.random.Generator) -> Array:
    """Draw blurred objects in the background, if the photo has clutter."""
    if not photo.setting.clutter:
        return picture
    height, width = matte.shape
    layer = Image.new("RGBA", (width, height))
    for _ in range(photo.setting.clutter):
        hue = tuple(int(v) for v in rng.uniform(20, 235, 3))
        wide, high = rng.uniform(0.06, 0.22) * width, rng.uniform(0.1, 0.38) * height
        left, base = rng.uniform(-0.05, 1.0) * width, rng.uniform(0.18, 0.36) * height
        thing = Image.new("RGBA", (max(4, int(wide)), max(4, int(high))), (*hue, 255))
        layer.paste(thing, (int(left), int(base - high * 0.7)))
    blurred = layer.filter(ImageFilter.GaussianBlur(width / 75))
    values = np.asarray(blurred, np.float32) / 255
    alpha = values[..., 3:] * (1 - matte[..., None])
    return np.asarray(picture * (1 - alpha) + (values[..., :3] ** 2) * 0.8 * alpha, np.float32)


def _sensor(picture: Array, setting: Setting, rng: np.random.Generator) -> Image.Image:
    """Add noise that grows with the light, and the softness of a real lens."""
    shot = rng.standard_normal(picture.shape).astype(np.float32)
    noisy = picture + shot * setting.noise * (0.5 + picture)
    image = Image.fromarray(np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(0.45))
