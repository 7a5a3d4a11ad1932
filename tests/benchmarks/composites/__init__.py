"""Composites with exact mattes, of the kinds that cut-outs fail at.

Products of the rendered catalogue and drawn ones are placed on grounds. Kind and number decide everything else, so a
composite is the same everywhere with the same Pillow and numpy. ``python -m tests.benchmarks.mattes --composites 3``
scores them; ``--keep DIR`` writes them as well.
"""

from __future__ import annotations

import io
import zlib

import numpy as np
from PIL import Image

from tests.benchmarks.composites.kinds import KINDS

__all__ = ["KINDS", "render"]


def render(kind: str, number: int) -> tuple[Image.Image, Image.Image]:
    """Return the ``RGB`` photo, after JPEG compression, and the ``L`` matte of one composite."""
    rng = np.random.default_rng([zlib.crc32(kind.encode()), number])
    stage = KINDS[kind](rng)
    target = io.BytesIO()
    stage.finished().save(target, "JPEG", quality=int(rng.integers(85, 96)))
    return Image.open(target).convert("RGB"), stage.matte
