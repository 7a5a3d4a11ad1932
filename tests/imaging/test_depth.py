"""Each mode a decoder may give, and each depth a PNG may have, comes out with the right tones in 8 bits."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from product_imagery.exceptions import PictureError
from product_imagery.imaging.colour import to_srgb
from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.depth import to_eight_bits
from tests.conftest import draw_product
from tests.imaging.container_files import photo, png_chunk

_SIDE = 40


@pytest.mark.parametrize(
    ("mode", "stored", "bits", "expected"),
    [
        ("1", 255, 1, (255, 255, 255)),
        ("L", 90, 8, (90, 90, 90)),
        ("LA", (90, 51), 8, (90, 90, 90, 51)),
        ("La", (18, 51), 8, (90, 90, 90, 51)),
        ("P", 3, 8, (9, 9, 9)),
        ("RGB", (10, 90, 200), 8, (10, 90, 200)),
        ("RGBA", (10, 90, 200, 51), 8, (10, 90, 200, 51)),
        ("RGBa", (2, 18, 40, 51), 8, (10, 90, 200, 51)),
        ("CMYK", (245, 165, 55, 0), 8, (10, 90, 200)),
        ("YCbCr", (90, 128, 128), 8, (90, 90, 90)),
        ("LAB", (128, 128, 128), 8, (119, 119, 119)),
        ("I;16", 90 * 257, 16, (90, 90, 90)),
        ("I;16B", 90 * 257, 16, (90, 90, 90)),
        ("I;16L", 90 * 257, 16, (90, 90, 90)),
        ("I;16", 4095, 12, (255, 255, 255)),
        ("I;16", 1023, 10, (255, 255, 255)),
        ("F", 90 / 255, 32, (90, 90, 90)),
    ],
)
def test_every_mode(mode: str, stored: Any, bits: int, expected: tuple[int, ...]) -> None:
    picture = Image.new("RGB", (4, 4)) if mode in ("P", "La", "RGBa") else Image.new(mode, (4, 4), stored)
    if mode == "P":
        picture = Image.new("P", (4, 4), stored)
        picture.putpalette([value * 3 for value in range(85) for _ in range(3)])
    elif mode in ("La", "RGBa"):
        straight = Image.new(mode.upper(), (4, 4), expected if mode == "RGBa" else (expected[0], expected[3]))
        picture = straight.convert(mode)
    found = to_srgb(to_eight_bits(picture, bits)).getpixel((1, 1))
    assert isinstance(found, tuple)
    assert len(found) == len(expected)
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 2


@pytest.mark.parametrize("mode", ["I", "HSV"])
def test_a_mode_without_a_known_range_is_refused(mode: str) -> None:
    with pytest.raises(PictureError, match="kind of picture") as caught:
        to_eight_bits(Image.new(mode, (4, 4)), 32)
    assert caught.value.code == "unsupported_format"


def _png(colour_type: int, bits: int, value: int, key: bytes = b"") -> bytes:
    """A PNG of one colour, with another in its first row: all samples ``value``, or 0."""
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    per_row = _SIDE * samples * bits // 8
    filled = 0
    for _ in range(8 // bits if bits < 8 else 1):
        filled = (filled << bits) | value
    row = (bytes([filled]) if bits <= 8 else struct.pack(">H", value)) * (per_row // (1 if bits <= 8 else 2))
    content = b"\0" + bytes(per_row) + (b"\0" + row) * (_SIDE - 1)
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, bits, colour_type, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", header)] + ([png_chunk(b"tRNS", key)] if key else [])
    chunks += [png_chunk(b"IDAT", zlib.compress(content)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _opened(tmp_path: Path, content: bytes) -> Image.Image:
    path = tmp_path / "file"
    path.write_bytes(content)
    return open_picture(path).image


_DEPTHS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (4, 8), (4, 16), (6, 8), (6, 16)]


@pytest.mark.parametrize(("colour_type", "bits"), _DEPTHS)
def test_every_depth_of_png(tmp_path: Path, colour_type: int, bits: int) -> None:
    most = (1 << bits) - 1
    value = most * 2 // 3 if bits > 1 else 1
    pixel = _opened(tmp_path, _png(colour_type, bits, value)).getpixel((20, 20))
    assert isinstance(pixel, tuple)
    assert all(abs(found - value * 255 / most) <= 1 for found in pixel)


@pytest.mark.parametrize(("colour_type", "bits"), [depth for depth in _DEPTHS if depth[0] in (0, 2)])
def test_a_transparent_colour_of_every_depth(tmp_path: Path, colour_type: int, bits: int) -> None:
    most = (1 << bits) - 1
    value = most * 2 // 3 if bits > 1 else 1
    key = struct.pack(">H", value) * (3 if colour_type == 2 else 1)
    picture = _opened(tmp_path, _png(colour_type, bits, value, key))
    assert picture.mode == "RGBA"
    alpha = picture.getchannel("A")
    assert (alpha.getpixel((20, 0)), alpha.getpixel((20, 20))) == (255, 0)


def test_a_jpeg_of_twelve_bits_is_refused_for_that(tmp_path: Path) -> None:
    content = bytearray(photo("JPEG", picture=draw_product()))
    content[content.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(PictureError, match="12 bits") as caught:
        _opened(tmp_path, bytes(content))
    assert caught.value.code == "unsupported_format"
