"""Array types, and a box filter, which numpy lacks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]

#: left, top, right, bottom in pixels; right and bottom are outside, as in Pillow
Box: TypeAlias = tuple[int, int, int, int]


def box_mean(planes: Floats, radius: int) -> Floats:
    """Return the mean over a square window of ``2·radius + 1`` pixels of (n, h, w) planes. Borders repeat."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # plane by plane, because one fits into a processor's cache
        return np.stack(list(threads.map(lambda plane: _plane_mean(plane, radius), planes)))


def _plane_mean(plane: Floats, radius: int) -> Floats:
    width = 2 * radius + 1
    padded = np.pad(plane, radius, mode="edge")
    return _window_sum(_window_sum(padded, width, axis=0), width, axis=1) / np.float32(width * width)


def _window_sum(values: Floats, width: int, axis: int) -> Floats:
    """Return sliding sums, computed by doubling.

    A window of 9 takes four additions, and float32 keeps its precision.
    """
    length = values.shape[axis] - width + 1
    total: Floats | None = None
    power, partial, offset, rest = 1, values, 0, width
    while rest:
        if rest & 1:
            piece = _slice(partial, offset, length, axis)
            total = piece.copy() if total is None else total + piece
            offset += power
        rest >>= 1
        if rest:
            size = partial.shape[axis] - power
            partial = _slice(partial, 0, size, axis) + _slice(partial, power, size, axis)
            power *= 2
    assert total is not None
    return total


def _slice(values: Floats, start: int, length: int, axis: int) -> Floats:
    index = [slice(None)] * values.ndim
    index[axis] = slice(start, start + length)
    return values[tuple(index)]
