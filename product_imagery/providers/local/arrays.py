"""Array types and the two array operations that several steps share."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

#: left, top, right, bottom in pixels; right and bottom are outside, as in Pillow
Box: TypeAlias = tuple[int, int, int, int]


def resize_floats(
    plane: Floats, size: tuple[int, int], *, box: tuple[float, float, float, float] | None = None
) -> Floats:
    """Resize one (h, w) plane bilinearly to ``size`` (width, height), optionally from a ``box`` of it."""
    image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box), np.float32)


def box_mean(planes: Floats, radius: int) -> Floats:
    """Mean over a square window of ``2·radius + 1`` pixels of (n, h, w) planes; borders repeat."""
    width = 2 * radius + 1
    padded = np.pad(planes, ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    rows = _window_sum(padded, width, axis=1)
    return np.asarray(_window_sum(rows, width, axis=2) / np.float32(width * width), np.float32)


def _window_sum(values: Floats, width: int, axis: int) -> Floats:
    """Sliding sum by doubling: a window of 9 takes four additions, and float32 keeps its precision."""
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
