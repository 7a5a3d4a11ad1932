"""Solids as signed distance functions over (n, 3) points: negative inside, in the scene's units (about 10 cm)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float32]
Distances: TypeAlias = NDArray[np.float32]
Solid: TypeAlias = Callable[[Points], Distances]


def sphere(radius: float) -> Solid:
    return lambda p: np.linalg.norm(p, axis=1) - np.float32(radius)


def ellipsoid(a: float, b: float, c: float) -> Solid:
    half = np.array([a, b, c], np.float32)

    def distance(p: Points) -> Distances:
        scaled = np.linalg.norm(p / half, axis=1)
        gradient = np.linalg.norm(p / (half * half), axis=1)
        return scaled * (scaled - 1) / np.maximum(gradient, 1e-4)

    return distance


def box(a: float, b: float, c: float, rounding: float = 0.05) -> Solid:
    half = np.array([a, b, c], np.float32) - np.float32(rounding)

    def distance(p: Points) -> Distances:
        q = np.abs(p) - half
        return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0) - np.float32(rounding)

    return distance


def cylinder(radius: float, half_height: float, rounding: float = 0.02) -> Solid:
    def distance(p: Points) -> Distances:
        around = np.hypot(p[:, 0], p[:, 2]) - np.float32(radius - rounding)
        along = np.abs(p[:, 1]) - np.float32(half_height - rounding)
        outside = np.hypot(np.maximum(around, 0), np.maximum(along, 0))
        return outside + np.minimum(np.maximum(around, along), 0) - np.float32(rounding)

    return distance


def cone(lower: float, upper: float, half_height: float) -> Solid:
    """Return a truncated cone, whose distance is a safe underestimate."""
    slope = np.float32(1 / np.sqrt(1 + ((lower - upper) / (2 * half_height)) ** 2))

    def distance(p: Points) -> Distances:
        share = np.clip((p[:, 1] + half_height) / (2 * half_height), 0, 1)
        around = (np.hypot(p[:, 0], p[:, 2]) - (lower + (upper - lower) * share)) * slope
        return np.maximum(around, np.abs(p[:, 1]) - np.float32(half_height)).astype(np.float32)

    return distance


def torus(radius: float, thickness: float) -> Solid:
    """Return a ring that lies flat."""
    return lambda p: np.hypot(np.hypot(p[:, 0], p[:, 2]) - np.float32(radius), p[:, 1]) - np.float32(thickness)


def lathe(profile: Sequence[tuple[float, float]], wall: float = 0.0) -> Solid:
    """Return a solid of revolution from (height, radius) pairs; with ``wall`` it is hollow and open at the top."""
    heights, radii = (np.array(values, np.float32) for values in zip(*profile, strict=True))
    steepest = float(np.max(np.abs(np.diff(radii) / np.maximum(np.diff(heights), 1e-3))))
    safe = np.float32(1 / np.sqrt(1 + min(steepest, 2.5) ** 2))

    def distance(p: Points) -> Distances:
        around = np.hypot(p[:, 0], p[:, 2])
        outer = (around - np.interp(p[:, 1], heights, radii)) * safe
        ends = np.maximum(heights[0] - p[:, 1], p[:, 1] - heights[-1])
        body = np.maximum(outer, ends)
        if wall:
            inner = np.maximum(outer + wall, heights[0] + wall - p[:, 1])
            body = np.maximum(body, -inner)
        return np.asarray(body, np.float32)

    return distance


def moved(solid: Solid, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
    offset = np.array([x, y, z], np.float32)
    return lambda p: solid(p - offset)


def turned(solid: Solid, axis: str, degrees: float) -> Solid:
    """Return a shape rotated about the x, y or z axis."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3, dtype=np.float32)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = sine, -sine
    return lambda p: solid(p @ matrix.T)


def union(*solids: Solid) -> Solid:
    return lambda p: np.minimum.reduce([solid(p) for solid in solids])


def minus(solid: Solid, hole: Solid) -> Solid:
    return lambda p: np.maximum(solid(p), -hole(p))


def both(solid: Solid, other: Solid) -> Solid:
    return lambda p: np.maximum(solid(p), other(p))
