"""Properties of the morphology on masks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from product_imagery.providers.local.arrays import Mask
from product_imagery.providers.local.islands import components, grow, opened, shrink, touched


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    height, width = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    return np.array(bits, bool).reshape(height, width)


def _flooded(mask: Mask, start: tuple[int, int]) -> Mask:
    """Return the component of a pixel, found by walking."""
    found, waiting = np.zeros(mask.shape, bool), [start]
    while waiting:
        y, x = waiting.pop()
        if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x] and not found[y, x]:
            found[y, x] = True
            waiting += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return found


@settings(max_examples=40)
@given(masks())
def test_components_are_what_a_walk_reaches(mask: Mask) -> None:
    labels = components(mask)
    assert ((labels > 0) == mask).all()
    for y, x in zip(*np.nonzero(mask), strict=True):
        assert ((labels == labels[y, x]) == _flooded(mask, (y, x))).all()


@settings(max_examples=40)
@given(masks())
def test_touched_components_contain_a_seed(mask: Mask) -> None:
    seeds = mask & (np.arange(mask.size).reshape(mask.shape) % 3 == 0)
    wanted = np.zeros(mask.shape, bool)
    for y, x in zip(*np.nonzero(seeds), strict=True):
        wanted |= _flooded(mask, (y, x))
    assert (touched(mask, seeds) == wanted).all()


@settings(max_examples=40)
@given(masks(), st.integers(0, 3))
def test_growing_shrinking_and_opening_are_ordered(mask: Mask, radius: int) -> None:
    assert (mask <= grow(mask, radius)).all()
    assert (shrink(mask, radius) <= mask).all()
    assert (opened(mask, radius) <= mask).all()
    assert (opened(opened(mask, radius), radius) == opened(mask, radius)).all()
