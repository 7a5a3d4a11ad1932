"""Small copies keep what a page needs: the shape, transparency and the origin mark."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from product_imagery.exceptions import PictureError
from product_imagery.imaging.encode import write_picture
from product_imagery.imaging.metadata import SourceType
from product_imagery.imaging.shrink import shrink

_LIMITS = {"max_bytes": 10_000_000, "max_pixels": 5_000_000, "max_side": 5_000}


def _shrunk(source: Path, side: int) -> Image.Image:
    made = shrink(source=str(source), stem=str(source.with_name("small")), side=side, quality=80, limits=_LIMITS)
    return Image.open(made["path"])


def test_a_copy_fits_into_a_square_and_keeps_its_shape(tmp_path: Path) -> None:
    Image.new("RGB", (1200, 600), "red").save(tmp_path / "photo.jpg")
    copy = _shrunk(tmp_path / "photo.jpg", 320)
    assert (copy.format, copy.size) == ("WEBP", (320, 160))


def test_a_smaller_picture_keeps_its_size_and_its_transparency(tmp_path: Path) -> None:
    Image.new("RGBA", (90, 60), (0, 0, 0, 0)).save(tmp_path / "cut-out.png")
    copy = _shrunk(tmp_path / "cut-out.png", 320)
    assert (copy.mode, copy.size) == ("RGBA", (90, 60))


def test_the_origin_mark_is_kept(tmp_path: Path) -> None:
    write_picture(Image.new("RGB", (90, 60)), tmp_path / "scene", format="jpeg", mark=SourceType.COMPOSITE)
    copy = _shrunk(tmp_path / "scene.jpg", 50)
    assert SourceType.COMPOSITE.value.encode() in copy.info["xmp"]


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"not a picture")
    with pytest.raises(PictureError):
        _shrunk(tmp_path / "photo.jpg", 50)
