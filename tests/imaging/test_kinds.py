"""Well-known kinds that are not accepted are named, by content."""

from __future__ import annotations

from pathlib import Path

import pytest

from product_imagery.exceptions import PictureError
from product_imagery.imaging.decode import open_picture
from tests.conftest import draw_product, encoded

_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
_NAMED = {
    "BMP": encoded(draw_product(), "BMP"),
    "GIF": encoded(draw_product(), "GIF"),
    "ICO, an icon": encoded(draw_product((64, 64)), "ICO"),
    "JPEG 2000": encoded(draw_product(), "JPEG2000"),
    "JPEG 2000, bare": b"\xff\x4f\xff\x51" + bytes(90),
    "JPEG XL": b"\xff\x0a" + bytes(90),
    "JPEG XL, in a container": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(90),
    "JPEG XR": b"II\xbc\x01" + bytes(90),
    "SVG": _SVG,
    "SVG, behind a declaration": b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made by hand -->\n' + _SVG,
    "Photoshop": b"8BPS\0\1" + bytes(90),
    "EPS": encoded(draw_product(), "EPS"),
    "EPS, with a preview": b"\xc5\xd0\xd3\xc6" + bytes(90),
    "PDF": b"%PDF-1.7\n" + bytes(90),
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(90),
    "HEIC, named by a compatible brand": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(90),
    "Netpbm": encoded(draw_product(), "PPM"),
    "QOI": b"qoif" + bytes(90),
    "DDS": encoded(draw_product(), "DDS"),
    "OpenEXR": b"v/1\1" + bytes(90),
    "GIMP": b"gimp xcf v011\0" + bytes(90),
    "ZIP": b"PK\3\4" + bytes(90),
    "video": b"\0\0\0\x18ftypqt  \0\0\0\0qt  qt  " + bytes(90),
    "video, WebM": b"\x1aE\xdf\xa3" + bytes(90),
    "video, AVI": b"RIFF\0\0\0\0AVI LIST" + bytes(90),
}


def _refused(tmp_path: Path, content: bytes) -> PictureError:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError) as caught:
        open_picture(path)
    return caught.value


@pytest.mark.parametrize("name", _NAMED)
def test_a_known_kind_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    error = _refused(tmp_path, _NAMED[name])
    assert error.code == "unsupported_format"
    assert name.partition(",")[0].split()[0] in error.message or "icon" in error.message
    assert "Save the picture as JPEG" in error.message


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><title>x</title><svg/>", b"  <html><body>Sign in</body></html>"])
def test_a_web_page_is_no_picture(tmp_path: Path, content: bytes) -> None:
    error = _refused(tmp_path, content)
    assert error.code == "not_an_image"
    assert "not a picture" in error.message


@pytest.mark.parametrize("content", [b"hello", bytes(100), b"\x89PNG\n\x1a\n" + bytes(90), b"\xff" * 50])
def test_what_nobody_knows_is_not_a_picture(tmp_path: Path, content: bytes) -> None:
    assert _refused(tmp_path, content).code == "not_an_image"
