"""Composites with exact mattes, on which the engine is measured."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.composites import KINDS, render


def test_there_are_at_least_24_composites_of_named_kinds() -> None:
    assert len(KINDS) >= 12  # two of each are 24


@pytest.mark.parametrize("kind", ["set of parts", "white on white", "in hand"])
def test_a_composite_is_the_same_each_time_and_shows_its_product(kind: str) -> None:
    (photo, matte), (again, same) = render(kind, 3), render(kind, 3)
    assert (photo.mode, matte.mode, photo.size) == ("RGB", "L", matte.size)
    assert (photo.tobytes(), matte.tobytes()) == (again.tobytes(), same.tobytes())
    share = (np.asarray(matte) > 128).mean()
    assert 0.01 < share < 0.8
