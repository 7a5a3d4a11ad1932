"""Morphology on small masks: connected components, growing and opening."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from product_imagery.providers.local.arrays import Mask

Labels: TypeAlias = NDArray[np.int32]


def components(mask: Mask) -> Labels:
    """Return the number of each pixel's 8-connected component, from 1; 0 outside of ``mask``."""
    padded = np.pad(mask, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    roots = _joined(np.searchsorted(rows, np.arange(mask.shape[0] + 1)).tolist(), starts.tolist(), ends.tolist())
    numbers = np.unique(roots, return_inverse=True)[1].astype(np.int32) + 1
    marks = np.zeros(mask.shape[0] * (mask.shape[1] + 1), np.int32)
    marks[rows * (mask.shape[1] + 1) + starts] = numbers
    marks[rows * (mask.shape[1] + 1) + ends] -= numbers  # a run ends at least one pixel before the next one starts
    return np.asarray(np.cumsum(marks.reshape(mask.shape[0], -1), axis=1, dtype=np.int32)[:, :-1], np.int32)


def touched(mask: Mask, seeds: Mask) -> Mask:
    """Return the components of ``mask`` that contain a pixel of ``seeds``."""
    labels = components(mask)
    chosen = np.zeros(int(labels.max(initial=0)) + 1, bool)
    chosen[labels[seeds]] = True
    chosen[0] = False
    return np.asarray(chosen[labels])


def grow(mask: Mask, radius: int) -> Mask:
    """Return ``mask`` with the pixels within a square of ``radius`` around each."""
    if radius < 1:
        return mask
    return np.asarray(Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * radius + 1)), bool)


def shrink(mask: Mask, radius: int) -> Mask:
    """Return the pixels of ``mask`` whose square of ``radius`` lies inside of it. Beyond the border is inside."""
    return np.asarray(~grow(~mask, radius))


def opened(mask: Mask, radius: int) -> Mask:
    """Return ``mask`` without the parts that are thinner than the square of ``radius``."""
    return np.asarray(grow(shrink(mask, radius), radius) & mask)


def _joined(rows: list[int], starts: list[int], ends: list[int]) -> NDArray[np.intp]:
    """Return the root of each run of pixels. Runs of neighbouring rows that touch have the same root."""
    parent = list(range(len(starts)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    for row in range(1, len(rows) - 1):
        above, here = rows[row - 1], rows[row]
        while above < rows[row] and here < rows[row + 1]:
            if starts[here] <= ends[above] and starts[above] <= ends[here]:  # 8-connected
                low, high = sorted((root(above), root(here)))
                parent[high] = low
            if ends[above] < ends[here]:
                above += 1
            else:
                here += 1
    return np.array([root(run) for run in range(len(parent))], np.intp)
