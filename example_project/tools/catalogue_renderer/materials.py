"""Materials: colour by position, and gloss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from example_project.tools.catalogue_renderer.shapes import Points

Colours: TypeAlias = NDArray[np.float32]
Pattern: TypeAlias = Callable[[Points], Colours]
RGB: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """A material.

    ``gloss`` is the strength of highlights, ``sharpness`` their exponent, ``mirror`` the share of the reflected room.
    """

    pattern: Pattern
    gloss: float = 0.3
    sharpness: float = 40.0
    mirror: float = 0.05
    roughness: float = 0.0


def plain(colour: RGB) -> Pattern:
    value = np.array(colour, np.float32)
    return lambda p: np.broadcast_to(value, p.shape)


def stripes(first: RGB, second: RGB, width: float, axis: int = 1) -> Pattern:
    a, b = np.array(first, np.float32), np.array(second, np.float32)
    return lambda p: np.where((np.floor(p[:, axis] / width) % 2 == 0)[:, None], a, b)


def label(ground: RGB, paper: RGB, ink: RGB, low: float, high: float) -> Pattern:
    """Return a printed band between two heights, with lines in place of text."""
    g, w, i = (np.array(colour, np.float32) for colour in (ground, paper, ink))

    def pattern(p: Points) -> Colours:
        inside = (p[:, 1] > low) & (p[:, 1] < high)
        share = (p[:, 1] - low) / (high - low)
        angle = np.arctan2(p[:, 0], -p[:, 2])
        line = (np.floor(share * 9) % 2 == 1) & (np.abs(angle) < 0.75) & (share > 0.15) & (share < 0.85)
        words = line & (np.sin(angle * 38 + np.floor(share * 9) * 3) > -0.55)
        return np.where(inside[:, None], np.where(words[:, None], i, w), g)

    return pattern


def veined(ground: RGB, vein: RGB, scale: float) -> Pattern:
    g, v = np.array(ground, np.float32), np.array(vein, np.float32)

    def pattern(p: Points) -> Colours:
        q = p * scale
        wave = np.sin(q[:, 0] * 2 + 2.2 * np.sin(q[:, 1] * 1.3 + q[:, 2]) + np.sin(q[:, 2] * 3.1 + q[:, 1]))
        share = (np.abs(wave) ** 0.4)[:, None]
        return v * (1 - share) + g * share

    return pattern


def grained(dark: RGB, light: RGB, scale: float = 9.0) -> Pattern:
    """Return wood with its grain."""
    d, li = np.array(dark, np.float32), np.array(light, np.float32)

    def pattern(p: Points) -> Colours:
        rings = np.hypot(p[:, 0] * 1.0 + 0.15 * np.sin(p[:, 1] * 1.7), p[:, 2] + 1.3) * scale
        share = (0.5 + 0.3 * np.sin(rings * 3) + 0.2 * np.sin(p[:, 1] * 3 + rings * 9))[:, None]
        return d + (li - d) * np.clip(share, 0, 1)

    return pattern


def boards(dark: RGB, light: RGB, width: float = 0.62) -> Pattern:
    """Return a table of planks that lead away from the viewer."""
    d, li = np.array(dark, np.float32), np.array(light, np.float32)

    def pattern(p: Points) -> Colours:
        plank = np.floor(p[:, 0] / width)
        own = np.sin(plank * 12.9898) * 0.5
        across = (p[:, 0] / width - plank) * 6 + own * 9
        grain = np.sin(across * 2 + 0.5 * np.sin(p[:, 2] * 1.1 + own * 7) + 0.25 * np.sin(p[:, 2] * 9 + across * 5))
        joint = np.abs(p[:, 0] / width - plank - 0.5) > 0.485
        share = np.where(joint, 0.0, 0.5 + 0.22 * grain + 0.28 * own)[:, None]
        return d + (li - d) * np.clip(share, 0, 1)

    return pattern


def knitted(first: RGB, second: RGB, scale: float) -> Pattern:
    a, b = np.array(first, np.float32), np.array(second, np.float32)

    def pattern(p: Points) -> Colours:
        u, v = np.arctan2(p[:, 0], p[:, 2]) * scale, p[:, 1] * scale
        stitch = 0.5 + 0.5 * np.sin(u * 3) * np.sin(v * 4 + np.abs(np.sin(u * 1.5)) * 2)
        band = (np.floor(v / 5) % 2 == 0)[:, None]
        return np.where(band, a, b) * (0.72 + 0.28 * stitch[:, None])

    return pattern


def panels(first: RGB, second: RGB) -> Pattern:
    """Return the patches of a football."""
    golden = (1 + 5**0.5) / 2
    corners = np.array([(s * a, t * b, 0) for a, b in ((1, golden),) for s in (1, -1) for t in (1, -1)], np.float32)
    corners = np.concatenate([np.roll(corners, k, axis=1) for k in range(3)])
    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    a, b = np.array(first, np.float32), np.array(second, np.float32)

    def pattern(p: Points) -> Colours:
        unit = p / np.maximum(np.linalg.norm(p, axis=1, keepdims=True), 1e-6)
        nearest = (unit @ corners.T).max(axis=1)
        seam = np.abs(nearest - 0.925) < 0.006
        return np.where(seam[:, None], np.float32(0.35), np.where((nearest > 0.925)[:, None], a, b))

    return pattern
