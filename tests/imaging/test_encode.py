"""Outputs: marked, reproducible, described truthfully."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from product_imagery.exceptions import OptionError, PictureError
from product_imagery.imaging.encode import format_like, write_picture
from product_imagery.imaging.metadata import SourceType
from product_imagery.imaging.thumbnails import SIDE, write_thumbnail
from tests.conftest import draw_product


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_every_format_carries_the_origin_mark_and_its_digest(tmp_path: Path, format: str) -> None:
    written = write_picture(draw_product(), tmp_path / "x", format=format, mark=SourceType.COMPOSITE)
    content = Path(written.path).read_bytes()
    assert b"digitalsourcetype/compositeSynthetic" in content
    assert written.sha256 == hashlib.sha256(content).hexdigest()
    assert (written.size, written.width, written.height) == (len(content), 240, 200)
    with Image.open(written.path) as opened:
        assert opened.format == format.upper()
        assert not opened.getexif()


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_the_same_picture_gives_the_same_bytes(tmp_path: Path, format: str) -> None:
    first = write_picture(draw_product(), tmp_path / "a", format=format)
    second = write_picture(draw_product(), tmp_path / "b", format=format)
    assert first.sha256 == second.sha256


def test_transparency_becomes_white_where_the_format_has_none(tmp_path: Path) -> None:
    written = write_picture(Image.new("RGBA", (40, 40)), tmp_path / "x", format="jpeg")
    with Image.open(written.path) as opened:
        assert opened.getpixel((20, 20)) == (255, 255, 255)


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="jpeg, png, webp, avif"):
        write_picture(draw_product(), tmp_path / "x", format="bmp")


def test_thumbnails_fit_and_keep_the_ratio(tmp_path: Path) -> None:
    written = write_thumbnail(draw_product((1600, 800)), tmp_path / "t", mark=SourceType.ENHANCED)
    assert (written.width, written.height) == (SIDE, SIDE // 2)
    assert b"algorithmicallyEnhanced" in Path(written.path).read_bytes()


def test_a_format_that_cannot_hold_the_picture_is_refused_or_replaced(tmp_path: Path) -> None:
    wide = Image.new("RGB", (17_000, 40))
    with pytest.raises(PictureError, match="Choose JPEG or PNG") as caught:
        write_picture(wide, tmp_path / "x", format="webp")
    assert caught.value.code == "too_many_pixels"
    assert format_like("WEBP", wide) == "jpeg"
    assert format_like("WEBP", wide.convert("RGBA")) == "png"
    assert format_like("WEBP", draw_product()) == "webp"
    assert format_like("TIFF", draw_product()) == "png"
