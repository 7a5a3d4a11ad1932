"""Pictures as arrays of numbers."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Waves: TypeAlias = npt.NDArray[np.complexfloating[Any, Any]]
Flags: TypeAlias = npt.NDArray[np.bool_]


def floats(image: Image.Image) -> Floats:
    """Return the pixels as numbers."""
    return np.asarray(image, dtype=np.float32)


def flags(mask: Image.Image) -> Flags:
    """Return true for the white pixels of a mask."""
    return np.asarray(mask) > 127


def sums(values: Floats, side: int) -> Floats:
    """Return the sums of square cells; rows and columns that fill no cell are left out."""
    rows, columns = values.shape[0] // side, values.shape[1] // side
    cut = values[: rows * side, : columns * side]
    return np.asarray(cut.reshape(rows, side, columns, side, *values.shape[2:]).sum((1, 3)))
