from __future__ import annotations

import struct
import zlib
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from product_imagery.imaging.png import write_png


@given(
    mode=st.sampled_from(["RGB", "RGBA"]), width=st.integers(1, 40), height=st.integers(1, 400), seed=st.integers(0, 9)
)
def test_any_picture_comes_back_pixel_by_pixel(mode: str, width: int, height: int, seed: int) -> None:
    noise = Random(seed).randbytes(width * height * len(mode))
    picture = Image.frombytes(mode, (width, height), noise)
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.png")
        write_png(picture, path, icc_profile=b"a profile", xmp=b"<x/>")
        with Image.open(path) as opened:
            opened.load()  # checks the chunks' checksums
        rows = zlib.decompress(_stream(path.read_bytes()))  # checks its own

    assert len(rows) == height * (1 + width * len(mode))
    assert opened.mode == mode
    assert opened.tobytes() == picture.tobytes()
    assert opened.info["icc_profile"] == b"a profile"
    assert opened.info["XML:com.adobe.xmp"] == "<x/>"


def _stream(content: bytes) -> bytes:
    """The picture's zlib stream: what the IDAT chunks hold, in a row."""
    found, at = b"", 8
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        found += content[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return found
