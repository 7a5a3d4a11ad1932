"""Drawn products with the parts that cut-outs lose: legs, cords, holes, prints, fur, separate pieces."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tests.benchmarks.composites.things import (
    RGB,
    colour,
    joined,
    line,
    lines,
    oval,
    polygon,
    printed,
    rounded,
    scaled,
    solid,
)

_STEEL: RGB = (150, 152, 158)


def chair(rng: np.random.Generator) -> Image.Image:
    """Return a chair on four thin legs, with a padded or a slatted back."""
    seat, leg = colour(rng, 40, 220), colour(rng, 20, 130)
    width, spread = rng.uniform(0.008, 0.02), rng.uniform(0.0, 0.06)
    legs = [(0.3, 0.55, 0.26 - spread, 0.97), (0.7, 0.55, 0.74 + spread, 0.97)]
    legs += [(0.38, 0.5, 0.36 - spread / 2, 0.86), (0.62, 0.5, 0.64 + spread / 2, 0.86)]
    back = rounded(0.3, 0.05, 0.7, 0.4, 0.05)
    slats = lines([(x, 0.06, x, 0.5) for x in np.linspace(0.32, 0.68, 6)] + [(0.31, 0.06, 0.69, 0.06)], 0.014)
    upper = solid(seat, back) if rng.random() < 0.6 else solid(leg, slats, 4)
    stays = solid(leg, lines([(0.34, 0.3, 0.34, 0.52), (0.66, 0.3, 0.66, 0.52)], width), 4)
    return joined(solid(leg, lines(legs, width), 4), stays, upper, solid(seat, rounded(0.25, 0.48, 0.75, 0.57, 0.04)))


def table(rng: np.random.Generator) -> Image.Image:
    """Return a table or desk with thin metal legs and a crossbar."""
    width = rng.uniform(0.008, 0.018)
    legs = [(0.1, 0.35, 0.06, 0.9), (0.9, 0.35, 0.94, 0.9), (0.2, 0.33, 0.19, 0.8), (0.8, 0.33, 0.81, 0.8)]
    bar = [(0.08, 0.7, 0.92, 0.7)] if rng.random() < 0.5 else []
    top = polygon((0.02, 0.37), (0.14, 0.27), (0.86, 0.27), (0.98, 0.37))
    edge = rounded(0.02, 0.36, 0.98, 0.4, 0.005)
    wood = colour(rng, 60, 210)
    return joined(solid(colour(rng, 20, 120), lines(legs + bar, width), 4), solid(wood, top), solid(wood, edge, 5))


def tripod(rng: np.random.Generator) -> Image.Image:
    """Return a camera or a lamp on a tripod."""
    metal, width = colour(rng, 25, 140), rng.uniform(0.008, 0.016)
    legs = [(0.5, 0.38, 0.2, 0.97), (0.5, 0.38, 0.52, 0.95), (0.5, 0.38, 0.8, 0.97), (0.5, 0.2, 0.5, 0.45)]
    head = rounded(0.34, 0.06, 0.66, 0.26) if rng.random() < 0.5 else oval(0.3, 0.03, 0.7, 0.27)
    return joined(solid(metal, lines(legs, width), 4), solid(colour(rng, 30, 230), head, 20))


def bicycle(rng: np.random.Generator) -> Image.Image:
    """Return a bicycle with spokes, through which the ground is seen."""
    frame = colour(rng, 30, 230)
    wheels, spokes = [], []
    for x in (0.24, 0.76):
        wheels.append(solid((35, 35, 38), oval(x - 0.2, 0.46, x + 0.2, 0.86, 0.018), 5))
        angles = np.linspace(0, np.pi, 8)[:-1]
        spokes += [(x - 0.19 * np.cos(a), 0.66 - 0.19 * np.sin(a), x + 0.19 * np.cos(a), 0.66 + 0.19 * np.sin(a))
                   for a in angles]  # fmt: skip
    tubes = [(0.24, 0.66, 0.36, 0.36), (0.36, 0.36, 0.68, 0.36), (0.68, 0.36, 0.46, 0.66), (0.46, 0.66, 0.24, 0.66)]
    tubes += [(0.36, 0.36, 0.46, 0.66), (0.66, 0.26, 0.76, 0.66), (0.36, 0.36, 0.34, 0.3)]
    grips = [(0.66, 0.26, 0.6, 0.23), (0.29, 0.29, 0.39, 0.29)]
    return joined(
        *wheels,
        solid(_STEEL, lines(spokes, 0.003), 2),
        solid(frame, lines(tubes, 0.018), 5),
        solid((30, 30, 32), lines(grips, 0.02), 4),
    )


def cable(rng: np.random.Generator) -> Image.Image:
    """Return a charger, earphones or a skipping rope: ends and a long thin cord between them."""
    share = np.linspace(0, 1, 240)
    turns, wide = rng.uniform(0.6, 2.4), rng.uniform(0.12, 0.32)
    x = 0.15 + 0.7 * share + wide * np.sin(2 * np.pi * turns * share + rng.uniform(0, 6)) * share * (1 - share) * 2
    y = 0.5 + wide * np.cos(2 * np.pi * turns * share + rng.uniform(0, 6))
    points = list(zip(np.clip(x, 0.04, 0.96), np.clip(y, 0.08, 0.92), strict=True))
    cord, ends = colour(rng, 20, 240), colour(rng, 20, 240)
    (x0, y0), (x1, y1) = points[0], points[-1]
    plug = rounded(x0 - 0.09, y0 - 0.07, x0 + 0.06, y0 + 0.07, 0.02)
    end = oval(x1 - 0.06, y1 - 0.06, x1 + 0.06, y1 + 0.06)
    return joined(solid(cord, line(points, rng.uniform(0.008, 0.018)), 3), solid(ends, plug), solid(ends, end))


def coil(rng: np.random.Generator) -> Image.Image:
    """Return a coiled rope or hose with a free end."""
    angle = np.linspace(0, 2 * np.pi * rng.uniform(3, 5), 600)
    radius = np.linspace(0.18, 0.36, 600) + 0.01 * np.sin(angle * 3)
    x, y = 0.5 + radius * np.cos(angle), 0.42 + radius * 0.8 * np.sin(angle)
    tail = [(x[-1], y[-1]), (0.85, 0.8), (0.6, 0.92), (0.2, 0.9)]
    tint, width = colour(rng, 40, 235), rng.uniform(0.012, 0.025)
    return joined(solid(tint, line(zip(x, y, strict=True), width), 3), solid(tint, line(tail, width), 3))


def pendant(rng: np.random.Generator) -> Image.Image:
    """Return a necklace: a thin chain with a pendant."""
    angle = np.linspace(-0.25 * np.pi, 1.25 * np.pi, 200)
    x, y = 0.5 + 0.36 * np.cos(angle), 0.42 + 0.38 * np.sin(angle)
    metal = (205, 170, 90) if rng.random() < 0.5 else (190, 192, 198)
    stone = oval(0.43, 0.78, 0.57, 0.95)
    return joined(solid(metal, line(zip(x, y, strict=True), 0.009), 2), solid(colour(rng, 30, 230), stone))


def glasses(rng: np.random.Generator) -> Image.Image:
    """Return spectacles without glass: rims, bridge and temples."""
    rim, width = colour(rng, 15, 160), rng.uniform(0.012, 0.025)
    rims = [solid(rim, oval(x, 0.36, x + 0.36, 0.66, width), 3) for x in (0.08, 0.56)]
    wires = [(0.43, 0.47, 0.57, 0.47), (0.08, 0.48, 0.03, 0.3), (0.92, 0.48, 0.97, 0.3), (0.03, 0.3, 0.2, 0.22)]
    return joined(*rims, solid(rim, lines([*wires, (0.97, 0.3, 0.8, 0.22)], width), 3))


def basket(rng: np.random.Generator) -> Image.Image:
    """Return a wire basket with a handle."""
    wire, width = colour(rng, 25, 200), rng.uniform(0.007, 0.013)
    rows = [(0.2 + 0.05 * k, 0.5 + 0.1 * k, 0.8 - 0.05 * k, 0.5 + 0.1 * k) for k in range(5)]
    posts = [(x, 0.5, 0.5 + (x - 0.5) * 0.66, 0.9) for x in np.linspace(0.2, 0.8, 9)]
    angle = np.linspace(0, np.pi, 60)
    grip = [(0.5 + 0.3 * np.cos(a), 0.5 - 0.35 * np.sin(a)) for a in angle]
    return joined(solid(wire, lines(rows + posts, width), 3), solid(wire, line(grip, width * 1.6), 4))


def rings(rng: np.random.Generator) -> Image.Image:
    """Return a roll, a wreath or a steering wheel: a thick ring, in some with spokes."""
    tint, rim = colour(rng, 30, 230), rng.uniform(0.05, 0.13)
    parts = [solid(tint, oval(0.1, 0.1, 0.9, 0.9, rim))]
    if rng.random() < 0.5:
        parts.append(solid(tint, lines([(0.5, 0.5, 0.5, 0.86), (0.14, 0.45, 0.86, 0.45)], 0.05)))
    return joined(*parts)


def scissors(rng: np.random.Generator) -> Image.Image:
    """Return scissors with open blades."""
    grip = colour(rng, 30, 230)
    blades = [polygon((0.47, 0.55), (0.53, 0.53), (0.66, 0.04)), polygon((0.47, 0.53), (0.53, 0.55), (0.34, 0.04))]
    ovals = [oval(0.24, 0.6, 0.46, 0.94, 0.045), oval(0.54, 0.6, 0.76, 0.94, 0.045)]
    return joined(*(solid(_STEEL, blade, 5) for blade in blades), *(solid(grip, one) for one in ovals))


def package(rng: np.random.Generator) -> Image.Image:
    """Return a printed box seen from a corner or from the front."""
    front = printed((360, 440), rng)
    if rng.random() < 0.4:
        return front.convert("RGBA")
    side = printed((150, 440), rng).point(lambda value: int(value * 0.7))
    whole = Image.new("RGBA", (460, 500))
    lean = 60
    for part, left, width, tilt in ((front, 110, 350, 0), (side, 0, 110, lean)):
        data = (1, 0, 0, tilt / width, 1, -lean)
        shifted = part.resize((width, 440)).convert("RGBA").transform((width, 500), Image.Transform.AFFINE, data)
        whole.alpha_composite(shifted, (left, 0))
    return whole.crop(whole.getbbox())


def monitor(rng: np.random.Generator) -> Image.Image:
    """Return a screen with a picture on it, on a stand, in some with a keyboard and a mouse in front of it."""
    case = colour(rng, 20, 220)
    parts = [solid(case, rounded(0.46, 0.5, 0.54, 0.7)), solid(case, rounded(0.34, 0.68, 0.66, 0.73), 5)]
    parts.append(solid((30, 30, 33), rounded(0.12, 0.06, 0.88, 0.54, 0.015)))
    shown = Image.new("RGBA", parts[0].size)
    left, top, right, bottom = (round(value / 2) for value in scaled(0.14, 0.08, 0.86, 0.52))
    shown.paste(printed((right - left, bottom - top), rng), (left, top))
    parts.append(shown)
    if rng.random() < 0.6:
        keys = colour(rng, 60, 240)
        parts.append(solid(keys, polygon((0.2, 0.82), (0.7, 0.82), (0.74, 0.95), (0.16, 0.95)), 5))
        parts.append(solid(keys, oval(0.8, 0.84, 0.88, 0.95), 8))
    return joined(*parts)


def garment(rng: np.random.Generator) -> Image.Image:
    """Return a shirt laid flat, with a print on its chest."""
    cloth = colour(rng, 30, 240)
    body = polygon((0.36, 0.1), (0.64, 0.1), (0.94, 0.3), (0.84, 0.44), (0.74, 0.36), (0.74, 0.92), (0.26, 0.92),
                   (0.26, 0.36), (0.16, 0.44), (0.06, 0.3))  # fmt: skip
    shirt = solid(cloth, body, 18)
    neck = solid(tuple(value // 2 for value in cloth), oval(0.4, 0.06, 0.6, 0.17), 4)  # type: ignore[arg-type]
    neck.putalpha(ImageChops.darker(neck.getchannel("A"), shirt.getchannel("A")))
    sign = [solid(colour(rng, 0, 255), oval(0.4, 0.34, 0.6, 0.54), 3)] if rng.random() < 0.6 else []
    return joined(shirt, neck, *sign)


def plush(rng: np.random.Generator) -> Image.Image:
    """Return a plush animal whose fur ends in single hairs."""
    fur = colour(rng, 60, 225)
    shapes = [(0.3, 0.35, 0.7, 0.9), (0.33, 0.12, 0.67, 0.46), (0.28, 0.08, 0.42, 0.22), (0.58, 0.08, 0.72, 0.22)]
    shapes += [(0.16, 0.42, 0.36, 0.62), (0.64, 0.42, 0.84, 0.62), (0.24, 0.76, 0.46, 0.95), (0.54, 0.76, 0.76, 0.95)]
    whole = Image.new("L", (1440, 1440))
    draw = ImageDraw.Draw(whole)
    for shape in shapes:
        draw.ellipse(scaled(*shape), fill=255)
    edge = np.argwhere(np.asarray(whole.filter(ImageFilter.FIND_EDGES)) > 100)
    middle = np.array([740, 720])
    hairs = []
    for y, x in edge[rng.integers(0, len(edge), 2200)]:
        away = np.array([y, x]) - middle + rng.normal(0, 120, 2)
        tip = np.array([y, x]) + away / np.linalg.norm(away) * rng.uniform(10, 40)
        hairs.append((x / 1440, y / 1440, tip[1] / 1440, tip[0] / 1440))
    bodies = [solid(fur, oval(*shape), 20) for shape in shapes]
    eyes = [solid((20, 20, 22), oval(x, 0.26, x + 0.05, 0.31), 4) for x in (0.4, 0.55)]
    return joined(solid(fur, lines(hairs, 0.0022), 2, 0.2), *bodies, *eyes)


def console(rng: np.random.Generator) -> list[Image.Image]:
    """Return the pieces of a set: a flat device, a controller and a remote control."""
    tint = colour(rng, 20, 235)
    device = joined(
        solid(tint, rounded(0.1, 0.3, 0.9, 0.6, 0.03)), solid((15, 15, 16), rounded(0.14, 0.4, 0.5, 0.42), 2)
    )
    pad = joined(
        solid(tint, polygon((0.2, 0.3), (0.8, 0.3), (0.95, 0.75), (0.75, 0.7), (0.65, 0.55), (0.35, 0.55), (0.25, 0.7),
                            (0.05, 0.75))),
        *(solid((30, 30, 32), oval(x, 0.36, x + 0.12, 0.48), 5) for x in (0.26, 0.62)),
    )  # fmt: skip
    remote = joined(
        solid(colour(rng, 20, 235), rounded(0.42, 0.1, 0.58, 0.9, 0.06)),
        *(solid((200, 60, 60), oval(0.47, y, 0.53, y + 0.05), 3) for y in (0.2, 0.4, 0.5)),
    )
    return [device, pad, remote]
