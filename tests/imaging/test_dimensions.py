"""Dimensions of a picture, read from the head of its file."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from product_imagery.imaging.dimensions import HEAD, dimensions


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("more", [{}, {"lossless": True}, {"progressive": True, "exif": b"Exif\0\0" + bytes(9000)}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_dimensions_are_read_from_the_head(format: str, more: Any, mode: str) -> None:
    mode = "RGB" if format == "JPEG" else mode
    content = io.BytesIO()
    Image.new(mode, (321, 123), "red").save(content, format, **more)
    head = content.getvalue()[:HEAD]
    assert dimensions(head) == (321, 123)
    for cut in range(0, 40, 3):
        assert dimensions(head[:cut]) in (None, (321, 123))


def test_what_is_no_picture_has_no_dimensions() -> None:
    for head in (b"", b"GIF89a", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00\x00" * 9, b"RIFF0000WEBPxxxx", bytes(99)):
        assert dimensions(head) is None
