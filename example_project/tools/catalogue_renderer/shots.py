"""The products of the catalogue: shape, material and camera of each."""

from __future__ import annotations

from example_project.tools.catalogue_renderer.camera import Part, Photo, Setting
from example_project.tools.catalogue_renderer.materials import (
    Material,
    boards,
    grained,
    knitted,
    label,
    panels,
    plain,
    stripes,
    veined,
)
from example_project.tools.catalogue_renderer.shapes import (
    both,
    box,
    cone,
    cylinder,
    ellipsoid,
    lathe,
    minus,
    moved,
    sphere,
    torus,
    turned,
    union,
)

_PAPER = Setting(plain((0.93, 0.93, 0.92)), ((0.95, 0.95, 0.95), (0.90, 0.90, 0.90)), seed=3)
_BLUE = Setting(plain((0.55, 0.68, 0.80)), ((0.62, 0.74, 0.85), (0.52, 0.65, 0.78)), seed=4)
_SAND = Setting(plain((0.84, 0.76, 0.64)), ((0.90, 0.84, 0.74), (0.82, 0.74, 0.62)), light=(0.6, 0.8, -0.5), seed=5)
_TABLE = Setting(
    boards((0.34, 0.21, 0.12), (0.68, 0.48, 0.30)),
    ((0.70, 0.66, 0.60), (0.55, 0.50, 0.45)),
    ambient=0.38,
    clutter=9,
    noise=0.018,
    seed=6,
)
_KITCHEN = Setting(
    stripes((0.86, 0.86, 0.84), (0.60, 0.66, 0.70), 0.55, axis=0),
    ((0.80, 0.82, 0.80), (0.66, 0.70, 0.70)),
    light=(0.7, 0.8, -0.4),
    clutter=11,
    noise=0.02,
    seed=8,
)
_STONE = Setting(
    veined((0.50, 0.50, 0.50), (0.36, 0.36, 0.38), 1.4), ((0.58, 0.60, 0.60), (0.44, 0.46, 0.46)), noise=0.02, seed=9
)
_DARK = Setting(plain((0.20, 0.20, 0.22)), ((0.26, 0.26, 0.28), (0.16, 0.16, 0.18)), ambient=0.5, seed=11)

_CERAMIC = {"gloss": 0.6, "sharpness": 60.0, "mirror": 0.06}
_METAL = {"gloss": 0.9, "sharpness": 90.0, "mirror": 0.55}
_MATT = {"gloss": 0.08, "sharpness": 8.0, "mirror": 0.0}


def _solid(colour: tuple[float, float, float], **finish: float) -> Material:
    return Material(plain(colour), **finish)


def _mug() -> tuple[Part, ...]:
    cup = lathe([(0.0, 0.66), (0.08, 0.74), (1.0, 0.78), (1.7, 0.80)], wall=0.07)
    grip = minus(moved(turned(torus(0.46, 0.11), "x", 90), 0.86, 0.88), moved(cylinder(0.72, 2), 0, 0.9))
    return (Part(union(cup, grip), Material(stripes((0.15, 0.33, 0.55), (0.94, 0.92, 0.86), 0.42), **_CERAMIC)),)


def _bottle() -> tuple[Part, ...]:
    profile = [(0, 0.50), (0.05, 0.56), (1.5, 0.56), (1.9, 0.34), (2.1, 0.19), (2.55, 0.17)]
    return (
        Part(
            lathe(profile),
            Material(label((0.08, 0.30, 0.18), (0.93, 0.90, 0.80), (0.2, 0.15, 0.1), 0.35, 1.25), **_CERAMIC),
        ),
        Part(moved(cylinder(0.19, 0.16), 0, 2.62), _solid((0.75, 0.62, 0.28), **_METAL)),
    )


def _vase() -> tuple[Part, ...]:
    profile = [(0, 0.34), (0.2, 0.5), (0.7, 0.82), (1.2, 0.76), (1.7, 0.36), (2.1, 0.27), (2.35, 0.42)]
    return (Part(lathe(profile, wall=0.06), Material(veined((0.72, 0.20, 0.16), (0.30, 0.05, 0.06), 2.4), **_CERAMIC)),)


def _football() -> tuple[Part, ...]:
    return (
        Part(
            moved(sphere(1.05), 0, 1.05), Material(_centred(panels((0.12, 0.12, 0.13), (0.93, 0.93, 0.92)), 1.05), 0.3)
        ),
    )


def _centred(pattern: object, height: float) -> object:
    import numpy as np  # noqa: PLC0415

    offset = np.array([0, height, 0], np.float32)
    return lambda p: pattern(p - offset)  # type: ignore[operator]


def _headphones() -> tuple[Part, ...]:
    band = both(moved(turned(torus(1.0, 0.085), "x", 90), 0, 0.72), moved(box(2, 1, 1), 0, 1.67))
    cups = union(*(moved(turned(cylinder(0.46, 0.2, 0.1), "z", 90), side * 0.98, 0.48) for side in (-1, 1)))
    pads = union(*(moved(turned(torus(0.36, 0.14), "z", 90), side * 0.76, 0.48) for side in (-1, 1)))
    return (
        Part(band, _solid((0.75, 0.75, 0.77), **_METAL)),
        Part(cups, _solid((0.86, 0.33, 0.20), gloss=0.4)),
        Part(pads, _solid((0.15, 0.13, 0.13), **_MATT)),
        Part(
            union(*(moved(cylinder(0.06, 0.28), side * 1.0, 0.92) for side in (-1, 1))),
            _solid((0.3, 0.3, 0.32), **_METAL),
        ),
    )


def _book() -> tuple[Part, ...]:
    cover = turned(moved(box(0.85, 1.15, 0.16, 0.02), 0, 1.15), "y", 24)
    pages = turned(moved(box(0.80, 1.11, 0.13, 0.01), 0.06, 1.15), "y", 24)
    return (
        Part(cover, Material(label((0.48, 0.12, 0.22), (0.92, 0.82, 0.62), (0.25, 0.1, 0.1), 1.2, 1.9), gloss=0.2)),
        Part(pages, Material(stripes((0.95, 0.93, 0.86), (0.84, 0.82, 0.75), 0.02, axis=2), **_MATT)),
    )


def _candle() -> tuple[Part, ...]:
    return (
        Part(
            moved(cylinder(0.72, 0.75, 0.06), 0, 0.75),
            Material(label((0.85, 0.72, 0.60), (0.97, 0.95, 0.92), (0.3, 0.3, 0.3), 0.4, 1.05), gloss=0.5),
        ),
        Part(
            moved(cylinder(0.76, 0.12, 0.03), 0, 1.62),
            Material(grained((0.45, 0.28, 0.14), (0.74, 0.52, 0.30)), gloss=0.15),
        ),
    )


def _watch() -> tuple[Part, ...]:
    strap = minus(
        moved(turned(cylinder(1.0, 0.26, 0.05), "x", 90), 0, 1.0), moved(turned(cylinder(0.9, 1), "x", 90), 0, 1.0)
    )
    upright = turned(strap, "y", 62)
    case = moved(cylinder(0.46, 0.13, 0.04), 0, 2.05)
    return (
        Part(upright, Material(grained((0.30, 0.16, 0.08), (0.44, 0.25, 0.13), 20), gloss=0.15)),
        Part(case, _solid((0.80, 0.70, 0.42), **_METAL)),
        Part(moved(cylinder(0.38, 0.02, 0.01), 0, 2.18), _solid((0.95, 0.95, 0.93), gloss=0.4)),
    )


def _soap() -> tuple[Part, ...]:
    return (
        Part(
            turned(moved(box(1.0, 0.34, 0.66, 0.26), 0, 0.36), "y", 28),
            Material(veined((0.62, 0.76, 0.60), (0.86, 0.92, 0.82), 2), gloss=0.25),
        ),
    )


def _cube() -> tuple[Part, ...]:
    parts = []
    colours = ((0.80, 0.16, 0.14), (0.16, 0.42, 0.72), (0.95, 0.76, 0.16))
    for index, colour in enumerate(colours):
        block = turned(box(0.46, 0.46, 0.46, 0.06), "y", 18 + 31 * index)
        parts.append(Part(moved(block, (-0.1, 0.08, -0.04)[index], 0.46 + 0.92 * index), _solid(colour, gloss=0.35)))
    return tuple(parts)


def _spray() -> tuple[Part, ...]:
    body = lathe([(0, 0.46), (0.04, 0.5), (1.7, 0.5), (1.9, 0.3), (2.0, 0.26)])
    return (
        Part(
            body,
            Material(label((0.12, 0.55, 0.62), (0.95, 0.95, 0.95), (0.1, 0.3, 0.35), 0.5, 1.4), gloss=0.7, mirror=0.12),
        ),
        Part(moved(cylinder(0.22, 0.2, 0.06), 0, 2.15), _solid((0.96, 0.96, 0.96), gloss=0.4)),
    )


def _teapot() -> tuple[Part, ...]:
    clay = Material(plain((0.36, 0.20, 0.15)), gloss=0.22, sharpness=16, roughness=0.03)
    body = moved(ellipsoid(0.95, 0.72, 0.95), 0, 0.72)
    spout = turned(cone(0.24, 0.11, 0.5), "z", -48)
    grip = minus(moved(turned(torus(0.46, 0.09), "x", 90), -1.0, 0.8), body)
    knob = union(moved(cylinder(0.42, 0.05, 0.03), 0, 1.4), moved(sphere(0.14), 0, 1.56))
    return (Part(union(body, moved(spout, 1.12, 0.92), grip, knob), clay),)


def _stool() -> tuple[Part, ...]:
    wood = Material(grained((0.50, 0.32, 0.18), (0.80, 0.60, 0.38)), gloss=0.15)
    legs = [
        moved(turned(turned(cylinder(0.075, 0.92), "z", -9 * x), "x", 9 * z), x * 0.62, 0.9, z * 0.62)
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    return (
        Part(union(*legs), wood),
        Part(moved(cylinder(0.88, 0.11, 0.07), 0, 1.86), _solid((0.20, 0.46, 0.44), **_MATT)),
    )


def _perfume() -> tuple[Part, ...]:
    return (
        Part(
            turned(moved(box(0.62, 0.72, 0.34, 0.09), 0, 0.72), "y", 20),
            Material(
                label((0.93, 0.66, 0.58), (0.98, 0.93, 0.90), (0.4, 0.2, 0.2), 0.5, 1.0),
                gloss=0.8,
                sharpness=90,
                mirror=0.14,
            ),
        ),
        Part(moved(cylinder(0.15, 0.12), 0, 1.54), _solid((0.84, 0.72, 0.40), **_METAL)),
        Part(turned(moved(box(0.30, 0.26, 0.26, 0.05), 0, 1.86), "y", 20), _solid((0.12, 0.11, 0.12), gloss=0.7)),
    )


def _lamp() -> tuple[Part, ...]:
    return (
        Part(
            union(moved(cylinder(0.55, 0.06, 0.03), 0, 0.06), moved(cylinder(0.06, 0.85), 0, 0.9)),
            _solid((0.72, 0.58, 0.30), **_METAL),
        ),
        Part(
            moved(cone(0.85, 0.45, 0.5), 0, 2.1),
            Material(stripes((0.92, 0.86, 0.72), (0.88, 0.80, 0.64), 0.09, axis=0), **_MATT),
        ),
    )


def _cushion() -> tuple[Part, ...]:
    pillow = turned(turned(ellipsoid(1.15, 1.05, 0.42), "x", -14), "y", 16)
    square = turned(turned(box(1.0, 0.95, 0.6, 0.3), "x", -14), "y", 16)
    return (
        Part(
            moved(both(pillow, square), 0, 1.0),
            Material(knitted((0.85, 0.52, 0.20), (0.92, 0.84, 0.70), 9), roughness=0.10, **_MATT),
        ),
    )


def _car() -> tuple[Part, ...]:
    body = union(moved(box(1.25, 0.28, 0.55, 0.14), 0, 0.55), moved(box(0.68, 0.3, 0.48, 0.18), -0.1, 0.98))
    wheels = union(
        *(moved(turned(cylinder(0.3, 0.1, 0.04), "x", 90), x * 0.72, 0.3, z * 0.55) for x in (-1, 1) for z in (-1, 1))
    )
    return (
        Part(turned(body, "y", 32), _solid((0.76, 0.10, 0.12), gloss=0.9, sharpness=80, mirror=0.10)),
        Part(turned(wheels, "y", 32), _solid((0.10, 0.10, 0.11), **_MATT)),
        Part(
            turned(moved(box(0.72, 0.14, 0.44, 0.08), -0.1, 1.02), "y", 32),
            _solid((0.55, 0.68, 0.75), gloss=0.9, mirror=0.3),
        ),
    )


def _hat() -> tuple[Part, ...]:
    cap = both(moved(ellipsoid(0.95, 0.98, 0.95), 0, 0.35), moved(box(2, 1, 2), 0, 1.0))
    return (
        Part(cap, Material(knitted((0.36, 0.42, 0.60), (0.80, 0.80, 0.82), 12), roughness=0.12, **_MATT)),
        Part(
            moved(torus(0.86, 0.17), 0, 0.2),
            Material(knitted((0.80, 0.80, 0.82), (0.36, 0.42, 0.60), 12), roughness=0.1, **_MATT),
        ),
        Part(moved(sphere(0.3), 0, 1.5), Material(plain((0.86, 0.84, 0.82)), roughness=0.35, **_MATT)),
    )


SHOTS: tuple[Photo, ...] = (
    Photo("mug-striped", _mug(), _KITCHEN, 1.45, 0.85),
    Photo("bottle-olive-oil", _bottle(), _PAPER, 1.6, 1.35),
    Photo("vase-red", _vase(), _SAND, 1.5, 1.15),
    Photo("football-classic", _football(), _STONE, 1.3, 1.05),
    Photo("headphones-orange", _headphones(), _BLUE, 1.5, 0.85),
    Photo("book-hardcover", _book(), _TABLE, 1.55, 1.15),
    Photo("candle-amber", _candle(), _STONE, 1.25, 0.9),
    Photo("watch-leather", _watch(), _PAPER, 1.45, 1.1, (1100, 1300)),
    Photo("soap-olive", _soap(), _SAND, 1.35, 0.45, (1300, 1000), 28.0),
    Photo("building-blocks", _cube(), _TABLE, 1.6, 1.35, (1000, 1250)),
    Photo("spray-cleaner", _spray(), _KITCHEN, 1.45, 1.15, (1000, 1250), zoom=1.05),
    Photo("teapot-clay", _teapot(), _BLUE, 1.65, 0.85, (1250, 1000)),
    Photo("stool-teal", _stool(), _PAPER, 1.55, 1.0, orientation=6),
    Photo("perfume-rose", _perfume(), _DARK, 1.35, 1.0),
    Photo("lamp-brass", _lamp(), _BLUE, 1.75, 1.3, (1000, 1300)),
    Photo("cushion-ochre", _cushion(), _TABLE, 1.5, 1.0),
    Photo("toy-car-red", _car(), _KITCHEN, 1.6, 0.65, (1300, 1000), 22.0),
    Photo("hat-bobble", _hat(), _SAND, 1.4, 0.85, zoom=0.9, shift=(0.06, 0.0)),
)
