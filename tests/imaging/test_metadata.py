"""Metadata beside the pixels: orientation and profile count, the rest can neither turn nor stop a picture."""

from __future__ import annotations

import zlib
from pathlib import Path
from random import Random

import pytest
from PIL import Image, features

from product_imagery.exceptions import PictureError
from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.fit import fit
from product_imagery.imaging.ingest import ingest
from tests.conftest import draw_product, encoded
from tests.imaging.container_files import (
    CONTAINERS,
    SIZE,
    exif_block,
    jpeg_segment,
    orientation,
    photo,
    png_chunk,
    with_png_chunks,
)

_EXIF_TURNS = ("JPEG", "PNG", "WEBP")  #: AVIF is turned by its own property ``irot``
_TURNED = SIZE[::-1]


@pytest.fixture
def opened_size(tmp_path: Path):  # type: ignore[no-untyped-def]
    def size(content: bytes) -> tuple[int, int]:
        path = tmp_path / "file"
        path.write_bytes(content)
        return open_picture(path).image.size

    return size


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("format", _EXIF_TURNS)
def test_the_entry_of_exif_turns_the_picture(opened_size, format: str, order: str) -> None:  # type: ignore[no-untyped-def]
    for value in range(10):
        block = exif_block(orientation(value, order=order), order=order)
        assert opened_size(photo(format, exif=block)) == (_TURNED if value in (5, 6, 7, 8) else SIZE)


@pytest.mark.parametrize("format", CONTAINERS)
@pytest.mark.parametrize("form", ['<x tiff:Orientation="6"/>', "<tiff:Orientation>6</tiff:Orientation>"])
def test_xmp_never_turns_it(opened_size, format: str, form: str) -> None:  # type: ignore[no-untyped-def]
    assert opened_size(photo(format, xmp=form.encode())) == SIZE
    assert opened_size(photo(format, xmp=form.encode(), exif=exif_block((271, 2, 1, b"A")))) == SIZE


@pytest.mark.parametrize("format", _EXIF_TURNS)
def test_exif_is_read_beside_another_word_of_xmp(opened_size, format: str) -> None:  # type: ignore[no-untyped-def]
    block = exif_block(orientation(6))
    assert opened_size(photo(format, exif=block, xmp=b'<x tiff:Orientation="1"/>')) == _TURNED


def _odd() -> dict[str, tuple[bytes, bool]]:
    """EXIF blocks, and whether they turn the picture."""
    six = orientation(6)
    return {
        "maker in numbers, model as a double": (exif_block((271, 3, 1, b"\1\0"), (272, 12, 1, b"\0\1\0\0"), six), True),
        "texts as rationals": (exif_block(six, (305, 5, 1, b"\xff\xff\0\0"), (315, 10, 9, b"\xff\xff\xff\xff")), True),
        "unknown types": (exif_block((271, 99, 1, b"x"), (272, 0, 1, b"x"), six), True),
        "pointers to nowhere": (exif_block(six, (34665, 4, 1, b"\xff" * 4), (34853, 4, 1, b"\xf0" * 4)), True),
        "a pointer as text": (exif_block(six, (34665, 2, 9, b"\xff" * 4), (40965, 3, 1, b"\1")), True),
        "header twice": (b"Exif\0\0" + exif_block(six), True),
        "cut behind the entry": (exif_block(six, (271, 2, 90, b"\xff\0\0\0"))[:30], True),
        "a count beyond all": (exif_block(six)[:8] + b"\xff\xff" + exif_block(six)[10:], True),
        "orientation as a long": (exif_block(orientation(6, 4)), True),
        "orientation as text": (exif_block((274, 2, 2, b"6\0")), False),
        "orientation as a byte": (exif_block(orientation(6, 1)), False),
        "two orientations": (exif_block((274, 3, 2, b"\6\0\6\0")), False),
        "no orientation in it": (exif_block((274, 3, 0, b"\6\0")), False),
        "cut in the entry": (exif_block(six)[:15], False),
        "cut in the header": (b"II*\0\x08", False),
        "blank": (bytes(60), False),
        "a directory outside": (b"II*\0\xff\xff\xff\x7f", False),
        "no TIFF": (b"Nikon or so, it does not matter", False),
    }


@pytest.mark.parametrize("format", CONTAINERS)
@pytest.mark.parametrize("name", _odd())
def test_odd_exif_stops_no_picture(opened_size, format: str, name: str) -> None:  # type: ignore[no-untyped-def]
    block, turns = _odd()[name]
    assert opened_size(photo(format, exif=block)) == (_TURNED if turns and format in _EXIF_TURNS else SIZE)


@pytest.mark.parametrize("turn", [3, 6, 8])
def test_avif_is_turned_by_its_own_property(opened_size, turn: int) -> None:  # type: ignore[no-untyped-def]
    exif = Image.Exif()
    exif[274] = turn
    content = encoded(draw_product(SIZE), "AVIF", exif=exif)  # the encoder writes irot from it
    assert b"irot" in content
    assert opened_size(content) == (_TURNED if turn != 3 else SIZE)


def _bombs() -> dict[str, bytes]:
    history = b"<rdf:li>" * 400_000  # 3.2 MB
    plain = encoded(draw_product(SIZE), "PNG")
    packed = zlib.compress(history)
    chunks = {
        "itxt": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed),
        "itxt, not packed": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + history),
        "ztxt": png_chunk(b"zTXt", b"parameters\0\0" + packed),
        "text": png_chunk(b"tEXt", b"parameters\0" + history),
        "profile": png_chunk(b"iCCP", b"lut\0\0" + packed),
        "profile of 100 MB": png_chunk(b"iCCP", b"lut\0\0" + zlib.compress(bytes(100_000_000))),
        "profile, broken stream": png_chunk(b"iCCP", b"lut\0\0" + packed[:300]),
        "profile of an unknown method": png_chunk(b"iCCP", b"lut\0\7" + packed),
        "profile without a name's end": png_chunk(b"iCCP", b"lut"),
        "an unknown method": png_chunk(b"zTXt", b"parameters\0\7" + packed),
        "gamma cut off": png_chunk(b"gAMA", b"\0"),
        "primaries cut off": png_chunk(b"cHRM", b"\0"),
        "density cut off": png_chunk(b"pHYs", b""),
        "a wrong checksum": png_chunk(b"tEXt", b"a\0b")[:-4] + b"\0\0\0\0",
        "a chunk of its own": png_chunk(b"prVt", history),
    }
    files = {f"png: {name}": with_png_chunks(plain, chunk) for name, chunk in chunks.items()}
    files["png: sixty texts"] = with_png_chunks(
        plain, *[png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20)))] * 80
    )
    jpeg = photo("JPEG", xmp=b"<x>" * 20_000, profile=Random(1).randbytes(3_000_000))
    files["jpeg: profile of 3 MB that is none"] = jpeg
    files["jpeg: an index that is broken"] = jpeg[:2] + jpeg_segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff") + jpeg[2:]
    files["jpeg: Photoshop, cut off"] = jpeg[:2] + jpeg_segment(0xED, b"Photoshop 3.0\x008BIM\4") + jpeg[2:]
    files["jpeg: a density without numbers"] = jpeg[:2] + jpeg_segment(0xE0, b"JFIF\0") + jpeg[2:]
    files["webp: profile and XMP of 3 MB"] = photo("WEBP", xmp=history, profile=history)
    files["avif: profile and XMP"] = photo("AVIF", xmp=history, profile=Random(1).randbytes(300_000))
    return files


@pytest.mark.slow
@pytest.mark.parametrize("name", _bombs())
def test_a_large_or_broken_block_is_left_out_not_the_picture(opened_size, name: str) -> None:  # type: ignore[no-untyped-def]
    assert opened_size(_bombs()[name]) == SIZE


@pytest.mark.parametrize("format", CONTAINERS)
def test_damaged_means_pixels(tmp_path: Path, format: str) -> None:
    content = photo(format, picture=Image.frombytes("RGB", SIZE, Random(1).randbytes(SIZE[0] * SIZE[1] * 3)))
    path = tmp_path / "file"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(PictureError) as caught:
        open_picture(path)
    assert caught.value.code == "damaged"


def test_a_disk_that_fails_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(photo("PNG"))

    def fail(_: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match="Input/output"):
        open_picture(path)


@pytest.mark.parametrize("error", [TypeError("x"), KeyError("x"), AttributeError("x"), RuntimeError("x"), OSError("x")])
def test_whatever_a_decoder_raises_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    path = tmp_path / "file"
    path.write_bytes(photo("PNG"))

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(PictureError) as caught:
        open_picture(path)
    assert caught.value.code == "damaged"


@pytest.mark.parametrize("format", _EXIF_TURNS)
def test_what_comes_back_from_a_provider_and_what_goes_there_pass_the_same_reader(tmp_path: Path, format: str) -> None:
    source = tmp_path / "source"
    odd = exif_block((271, 3, 1, b"\1\0"), (272, 12, 1, b"\0\1\0\0"), orientation(6))
    source.write_bytes(photo(format, exif=odd, xmp=b'<x tiff:Orientation="3"/>'))
    taken = ingest(source=str(source), stem=str(tmp_path / "a"), mark="algorithmicallyEnhanced", limits={})
    assert (taken["file"]["width"], taken["file"]["height"]) == _TURNED
    assert taken["thumbnail"]["height"] > taken["thumbnail"]["width"]
    copy = fit(source=str(source), stem=str(tmp_path / "b"), most_bytes=10**7, formats=[format], limits={})
    assert copy is not None
    assert (copy["width"], copy["height"]) == _TURNED


def test_the_decoders_are_there() -> None:
    assert all(features.check(name) for name in ("jpg", "zlib", "webp", "avif", "libtiff", "littlecms2"))
