"""How strongly a source is compressed, read from the file as the engine opens it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.quantisation import coarseness_of
from product_imagery.providers.local.upscale import removes_noise
from tests.conftest import draw_product


def _coarseness(path: Path, mode: str = "RGB", **how: object) -> float:
    draw_product().convert(mode).save(path, **how)
    return open_picture(path).coarseness


@pytest.mark.parametrize(("quality", "expected"), [(50, 1.0), (60, 0.8), (82, 0.36), (95, 0.1)])
def test_the_coarseness_of_a_jpeg_follows_its_quality(tmp_path: Path, quality: int, expected: float) -> None:
    assert _coarseness(tmp_path / "a.jpg", quality=quality) == pytest.approx(expected, abs=0.01)
    progressive = _coarseness(tmp_path / "b.jpg", quality=quality, progressive=True, subsampling=0)
    assert progressive == pytest.approx(expected, abs=0.01)
    assert _coarseness(tmp_path / "c.jpg", "L", quality=quality) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_other_formats_have_none(tmp_path: Path, format: str) -> None:
    assert _coarseness(tmp_path / "a", format=format) == 0


@settings(max_examples=20)
@given(st.binary(min_size=64, max_size=64), st.integers(0, 63))
def test_a_larger_step_is_coarser(steps: bytes, place: int) -> None:
    larger = [step + (number == place) for number, step in enumerate(steps)]
    assert coarseness_of({0: larger}) > coarseness_of({0: list(steps)})


def test_upscale_removes_noise_from_a_strong_compression_only(tmp_path: Path) -> None:
    found = [0.0, *(_coarseness(tmp_path / "a.jpg", quality=quality) for quality in (95, 90, 82, 60, 30))]
    assert not any(removes_noise(one, tmp_path) for one in found)  # its file has not been fetched
    (tmp_path / "waifu2x-noise2.bin").touch()
    assert [removes_noise(one, tmp_path) for one in found] == [False, False, False, True, True, True]
