"""TIFF: every shape comes out with the right tones, or is refused for what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from product_imagery.exceptions import PictureError
from product_imagery.imaging.decode import open_picture
from tests.imaging.tiff_files import Page, picture_page, tiff

_GREY = (np.add.outer(np.arange(50), np.arange(70)) * 2).astype(np.float64) / 255  # 0…1
_RGB = np.stack([_GREY, 1 - _GREY, np.flipud(_GREY)], axis=-1)
_ALPHA = np.where(np.arange(70) < 35, 1.0, 0.4) * np.ones((50, 1))
_CMYK = np.concatenate([1 - _RGB, np.zeros((50, 70, 1))], axis=-1)


def _stored(values: Any, bits: int) -> Any:
    return np.rint(values * ((1 << bits) - 1)).astype(np.uint32)


def _opened(tmp_path: Path, content: bytes) -> Image.Image:
    path = tmp_path / "file.tif"
    path.write_bytes(content)
    return open_picture(path).image


def _code(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(PictureError) as caught:
        _opened(tmp_path, content)
    return caught.value.code


def _right_or_refused(tmp_path: Path, content: bytes, expected: Any, bits: int) -> bool:
    """Return whether it was accepted; its tones are checked then."""
    try:
        picture = _opened(tmp_path, content)
    except PictureError as error:
        assert error.code == "unsupported_format"
        assert "kind of" in error.message
        return False
    found = np.asarray(picture.convert("RGB"), float) / 255
    if picture.mode == "RGBA":
        assert np.abs(np.asarray(picture.getchannel("A"), float) / 255 - _ALPHA).max() < 0.01
    assert np.abs(found - expected).max() <= max(0.012, 0.51 / ((1 << min(bits, 8)) - 1))
    return True


_LAYOUTS = [
    {"order": order, **how}
    for order in "<>"
    for how in ({}, {"deflate": True}, {"planar": 2}, {"planar": 2, "deflate": True}, {"tile": 32})
]
_SHAPES: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "grey": (_GREY, {"photometric": 1}, _GREY[..., None]),
    "white is zero": (1 - _GREY, {"photometric": 0}, _GREY[..., None]),
    "rgb": (_RGB, {"photometric": 2}, _RGB),
    "rgb and something": (np.dstack([_RGB, _ALPHA]), {"photometric": 2, "tag_338": 0}, _RGB),
    "rgb, alpha": (np.dstack([_RGB, _ALPHA]), {"photometric": 2, "tag_338": 2}, _RGB),
    "rgb, multiplied by alpha": (
        np.dstack([_RGB * _ALPHA[..., None], _ALPHA]), {"photometric": 2, "tag_338": 1}, _RGB,
    ),
    "grey, alpha": (np.dstack([_GREY, _ALPHA]), {"photometric": 1, "tag_338": 2}, _GREY[..., None]),
    "cmyk": (_CMYK, {"photometric": 5}, _RGB),
    "other inks": (_CMYK, {"photometric": 5, "tag_332": 2}, _RGB),
    "ycbcr": (_RGB, {"photometric": 6}, np.full((50, 70, 3), np.nan)),
}  # fmt: skip
_ACCEPTED = {
    8: _SHAPES.keys() - {"other inks", "ycbcr"},
    16: _SHAPES.keys() - {"other inks", "ycbcr", "white is zero", "grey, alpha"},
}


@pytest.mark.parametrize("layout", _LAYOUTS, ids=str)
@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("shape", _SHAPES)
def test_tones_are_right_or_the_kind_is_refused(tmp_path: Path, shape: str, bits: int, layout: dict[str, Any]) -> None:
    values, how, expected = _SHAPES[shape]
    content = tiff(picture_page(_stored(values, bits), bits=bits, **how, **layout), order=layout["order"])
    accepted = _right_or_refused(tmp_path, content, expected, bits)
    if layout.get("planar", 1) == 1 and bits in _ACCEPTED:
        assert accepted == (shape in _ACCEPTED[bits])


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bits", [1, 2, 4, 12])
@pytest.mark.parametrize("photometric", [0, 1])
def test_few_bits_and_twelve(tmp_path: Path, photometric: int, bits: int, order: str) -> None:
    stored = _stored(_GREY if photometric else 1 - _GREY, bits)
    content = tiff(picture_page(stored, photometric=photometric, bits=bits, order=order), order=order)
    accepted = _right_or_refused(tmp_path, content, _GREY[..., None], bits)
    assert accepted or bits == 12  # with white as zero or big-endian


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("deflate", [False, True])
def test_floats_from_black_to_white(tmp_path: Path, order: str, deflate: bool) -> None:
    page = picture_page(_GREY.astype(np.float32), photometric=1, bits=32, order=order, deflate=deflate, tag_339=3)
    accepted = _right_or_refused(tmp_path, tiff(page, order=order), _GREY[..., None], 8)
    assert accepted == (order == "<" or not deflate)


@pytest.mark.parametrize("values", [_GREY * 800, _GREY - 0.5, np.full((50, 70), np.nan)], ids=["large", "low", "none"])
def test_floats_of_an_instrument_are_refused(tmp_path: Path, values: Any) -> None:
    page = picture_page(values.astype(np.float32), photometric=1, bits=32, tag_339=3)
    assert _code(tmp_path, tiff(page)) == "unsupported_format"


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_signed_numbers_are_refused(tmp_path: Path, bits: int) -> None:
    page = picture_page(_stored(_GREY, bits - 1).astype(np.int64), photometric=1, bits=bits, tag_339=2)
    assert _code(tmp_path, tiff(page)) == "unsupported_format"


def test_big_tiff(tmp_path: Path) -> None:
    for order in "<>":
        page = picture_page(_stored(_RGB, 8), photometric=2, order=order)
        accepted = _right_or_refused(tmp_path, tiff(page, order=order, big=True), _RGB, 8)
        assert accepted == (order == "<")


def test_a_palette(tmp_path: Path) -> None:
    ramp = [value * 257 for value in range(256)]
    page = picture_page(_stored(_GREY, 8), photometric=3, tag_320=ramp + ramp[::-1] + ramp)
    assert _right_or_refused(tmp_path, tiff(page), np.stack([_GREY, 1 - _GREY, _GREY], axis=-1), 8)


@pytest.mark.parametrize("compression", [34676, 50001, 34712, 34925, 4711])
def test_a_compression_that_is_not_read_is_no_damage(tmp_path: Path, compression: int) -> None:
    page = picture_page(_stored(_RGB, 8), photometric=2, tag_259=compression)
    assert _code(tmp_path, tiff(page)) == "unsupported_format"


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("how", [{}, {"deflate": True}], ids=str)
def test_the_orientation_entry_turns_it_once(tmp_path: Path, turn: int, how: dict[str, Any]) -> None:
    picture = _opened(tmp_path, tiff(picture_page(_stored(_RGB, 8), photometric=2, tag_274=turn, **how)))
    assert picture.size == ((70, 50) if turn < 5 else (50, 70))
    corner = {1: (0, 0), 2: (69, 0), 3: (69, 49), 4: (0, 49), 5: (0, 0), 6: (49, 0), 7: (49, 69), 8: (0, 69)}[turn]
    assert np.abs(np.array(picture.getpixel(corner)) - _RGB[0, 0] * 255).max() < 2


def test_other_metadata_of_odd_types_stops_nothing(tmp_path: Path) -> None:
    odd = {"tag_271": (3, b"\1\0"), "tag_272": (12, bytes(8)), "tag_700": (2, b"<x/>"), "tag_34665": (4, b"\xff" * 4)}
    odd |= {"tag_282": (2, b"72"), "tag_34377": (1, b"8BIM" + b"\xff" * 40), "tag_700": (7, b"tiff:Orientation='6'")}
    assert _opened(tmp_path, tiff(picture_page(_stored(_RGB, 8), photometric=2, **odd))).size == (70, 50)


def test_the_profile_is_applied(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    page = picture_page(_stored(_RGB, 8), photometric=2, tag_34675=(7, profile))
    assert _opened(tmp_path, tiff(page)).mode == "RGB"


# pages -----------------------------------------------------------------------------------------------------------


def _photo(**entries: Any) -> Page:
    return picture_page(_stored(_RGB, 8), photometric=2, **entries)


def _small(photometric: int = 2, **entries: Any) -> Page:
    return picture_page(_stored(_RGB[::5, ::5], 8), photometric=photometric, **entries)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
def test_previews_and_masks_are_no_pages(tmp_path: Path, order: str, big: bool) -> None:
    photo = picture_page(_stored(_RGB, 8), photometric=2, order=order)
    small, mask = _small(order=order, tag_254=1), _small(order=order, tag_254=4)
    old = _small(order=order, tag_255=2)
    for pages in ([photo, small], [photo, small, small, mask], [photo, old], [small, photo], [mask, small, photo]):
        assert _right_or_refused(tmp_path, tiff(*pages, order=order, big=big), _RGB, 8)


def test_smaller_copies_below_a_picture_do_not_count(tmp_path: Path) -> None:
    photo = _photo()
    photo.below = [_small(tag_254=1), _small(tag_254=1)]
    assert _right_or_refused(tmp_path, tiff(photo), _RGB, 8)


@pytest.mark.parametrize("kind", [0, 2])
def test_two_pages_are_refused(tmp_path: Path, kind: int) -> None:
    assert _code(tmp_path, tiff(_photo(), _photo(tag_254=kind))) == "animated"


def test_a_single_preview_is_a_picture(tmp_path: Path) -> None:
    assert _right_or_refused(tmp_path, tiff(_photo(tag_254=1)), _RGB, 8)


def _raw_files() -> dict[str, bytes]:
    def with_below(first: Page, *below: Page) -> bytes:
        first.below = list(below)
        return tiff(first)

    sensor = picture_page(_stored(_GREY, 16), photometric=32803, bits=16, tag_254=0)
    linear = picture_page(_stored(_RGB, 16), photometric=34892, bits=16, tag_254=0)
    maker = (2, b"NIKON CORPORATION\0")
    dng = {"tag_50706": (1, b"\1\4\0\0")}
    return {
        "sensor below a preview": with_below(_small(tag_254=1, tag_271=maker), sensor),
        "sensor below a full preview": with_below(_photo(), sensor),
        "linear": with_below(_small(tag_254=1), linear),
        "sensor first": tiff(sensor),
        "sensor behind a preview": tiff(_photo(), sensor),
        "dng of ordinary pixels": tiff(_photo(**dng)),
        "dng, big-endian": tiff(
            picture_page(_stored(_RGB, 8), photometric=2, order=">", tag_50706=(1, b"\1\4\0\0")), order=">"
        ),
        "preview and a larger picture below, nothing named": with_below(_small(), _photo()),
        "preview only, of a camera": tiff(_small(tag_254=1, tag_271=maker)),
        "Nikon's compression": with_below(_photo(), picture_page(_stored(_GREY, 8), photometric=1, tag_259=34713)),
        "Sony's compression": tiff(picture_page(_stored(_GREY, 8), photometric=1, tag_259=32767)),
        "CR2": tiff(_photo(), _small(), sign=b"CR\2\0" + bytes(4)),
        "ORF": b"IIRO" + tiff(_photo())[4:],
        "RW2": b"IIU\0" + tiff(_photo())[4:],
        "RAF": b"FUJIFILMCCD-RAW 0201" + bytes(200),
        "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(200),
        "CRW": b"II\x1a\0\0\0HEAPCCDR" + bytes(200),
        "X3F": b"FOVb" + bytes(200),
        "MRW": b"\0MRM" + bytes(200),
        "IIQ": b"IIII" + bytes(200),
    }


@pytest.mark.parametrize("name", _raw_files())
def test_camera_raw_is_told_as_such(tmp_path: Path, name: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(_raw_files()[name])
    with pytest.raises(PictureError, match="camera raw") as caught:
        open_picture(path)
    assert caught.value.code == "unsupported_format"


def _broken_files() -> dict[str, bytes]:
    whole = tiff(_photo(deflate=True))
    return {
        "a second directory without a picture": tiff(_photo(), Page({256: 100})),
        "a second directory without entries": tiff(_photo(), Page({})),
        "no entries": tiff(Page({})),
        "no pixels": tiff(Page({256: 100, 257: 100, 258: 8, 262: 1})),
        "sides of nothing": tiff(Page({256: 0, 257: 0, 258: 8, 262: 1}, [b"x"])),
        "cut in its pixels": tiff(Page({**_photo().entries, 278: 50}, [bytes(50)])),
        "no directory in the file": whole[:4] + b"\xff\xff\xff\x7f" + whole[8:],
        "only a header": whole[:8],
        "pixels of noise": tiff(Page({**_photo(deflate=True).entries, 278: 50}, [b"noise" * 99])),
    }


@pytest.mark.parametrize("name", _broken_files())
def test_a_broken_tiff_is_damaged(tmp_path: Path, name: str) -> None:
    assert _code(tmp_path, _broken_files()[name]) == "damaged"


def test_a_chain_of_directories_without_end_is_no_picture(tmp_path: Path) -> None:
    endless = tiff(_photo(), *[Page({256: 1}) for _ in range(30_000)])
    assert _code(tmp_path, endless) == "damaged"


def test_directories_in_a_ring_are_read_once(tmp_path: Path) -> None:
    content = bytearray(tiff(_photo()))
    content[-4:] = content[4:8]
    assert _right_or_refused(tmp_path, bytes(content), _RGB, 8)


def test_any_file_cut_anywhere_is_told_in_a_sentence(tmp_path: Path) -> None:
    photo = _photo(deflate=True)
    photo.below = [_small(tag_254=1)]
    whole = tiff(photo, _small(tag_254=1))
    for length in range(9, len(whole), 61):
        try:
            _opened(tmp_path, whole[:length])
        except PictureError as error:
            assert error.code in ("damaged", "unsupported_format", "animated", "not_an_image", "too_small")
