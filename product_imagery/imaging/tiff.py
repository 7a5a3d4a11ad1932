"""The single picture of a TIFF file, or a refusal that says what else the file is.

The decoder gets a copy with one directory, reduced to the entries that the pixels need. Only layouts that it is known
to decode correctly are accepted; ``tests/imaging/test_tiff.py`` draws each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from product_imagery.exceptions import PictureError
from product_imagery.imaging.directories import Directory, directories, directory_at
from product_imagery.imaging.kinds import camera_raw, damaged
from product_imagery.imaging.orientation import orientation_in
from product_imagery.texts import gettext

_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _SUB_DIRECTORIES, _MAKER, _DNG_VERSION, _PROFILE = 254, 255, 330, 271, 50706, 34675
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _SAMPLES, _PLANAR, _INK_SET, _TILES, _EXTRA, _FORMAT, _OLD_JPEG = 273, 277, 284, 332, 324, 338, 339, 513
_PIXELS = (
    {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _STRIPS, _SAMPLES, _PLANAR, _INK_SET, _EXTRA}
    | {_FORMAT, 278, 279, 292, 293, 317, 320, 322, 323, _TILES, 325, 347}
    | set(range(512, 522))
    | set(range(529, 533))
)
_NONE, _OLD_JPEG_COMPRESSION, _JPEG_COMPRESSION = 1, 6, 7
_COMPRESSIONS = {_NONE, 2, 3, 4, 5, _OLD_JPEG_COMPRESSION, _JPEG_COMPRESSION, 8, 32773, 32946}
_RAW_COMPRESSIONS = {32767, 32769, 32770, 34713, 65000, 65535, 34892, 52546}  #: Sony, Epson, Samsung, Nikon, Kodak …
_RAW_PHOTOMETRICS = {32803, 34892}  #: a colour filter array, and DNG's LinearRaw
_MOST_SUB_DIRECTORIES = 64

_WHITE_IS_ZERO, _GREY, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
#: photometric interpretation → allowed bits per sample, and the number of samples without extra ones
_SHAPES: dict[int, tuple[set[int], int]] = {
    _WHITE_IS_ZERO: ({1, 2, 4, 8}, 1),
    _GREY: ({1, 2, 4, 8, 12, 16, 32}, 1),
    _RGB: ({8, 16}, 3),
    _PALETTE: ({1, 2, 4, 8}, 1),
    _CMYK: ({8, 16}, 4),
    _YCBCR: ({8}, 3),
    _LAB: ({8}, 3),
}
_WHOLE, _FLOAT = 1, 3


@dataclass(frozen=True)
class Page:
    """The picture. ``pixels`` is a TIFF file with one reduced directory; ``bits`` is the size of a sample.

    ``orientation`` is 1 to 8 as in EXIF.
    """

    pixels: bytes
    orientation: int
    profile: bytes
    bits: int


def take_apart_tiff(content: bytes) -> Page:
    """Return the only full-size picture. Previews and masks are ignored.

    Raises ``PictureError``: ``damaged``, ``animated`` (several pages), or ``unsupported_format`` for camera raw and
    for layouts that would be decoded incorrectly.
    """
    page = _only_page(content)
    if not _is_readable(page) or (page.layout.is_big and page.layout.order == "big"):  # Pillow cannot read this header
        sentence = gettext(
            "This kind of TIFF is not accepted. Save the picture as JPEG, as PNG, or as TIFF with 8 bits."
        )
        raise PictureError(sentence, code="unsupported_format", detail=repr(_shape(page)))
    return Page(_with_only(page), orientation_in(page), page.data(_PROFILE), page.number(_BITS, 1))


def _only_page(content: bytes) -> Directory:
    chain = list(directories(content))
    if not chain:
        raise damaged("no directory")
    if _is_raw(content, chain):
        raise camera_raw()
    if not all(map(_is_picture, chain)):
        raise damaged("a directory without a picture")
    pages = [page for page in chain if not _is_secondary(page)] or [max(chain, key=_area)]
    if len(pages) > 1:
        raise PictureError(gettext("The file has several pages. Upload one still picture."), code="animated")
    return pages[0]


def _is_raw(content: bytes, chain: list[Directory]) -> bool:
    """Return whether the full-size picture is camera raw, even if readable previews come before it."""
    below = [one for directory in chain for one in _sub_directories(directory)]
    if content[8:10] == b"CR" or any(_DNG_VERSION in one.entries for one in chain):
        return True
    for one in chain + below:
        if one.number(_PHOTOMETRIC) in _RAW_PHOTOMETRICS or one.number(_COMPRESSION) in _RAW_COMPRESSIONS:
            return True
    only_previews = all(map(_is_secondary, chain))
    if only_previews and _MAKER in chain[0].entries:
        return True
    full = [one for one in below if not _is_secondary(one) or only_previews]
    return any(_area(one) > max(map(_area, chain)) for one in full)


def _sub_directories(directory: Directory) -> Iterator[Directory]:
    """Yield the directories to which the SubIFDs entry points."""
    for offset in directory.numbers(_SUB_DIRECTORIES)[:_MOST_SUB_DIRECTORIES]:
        below = directory_at(directory.content, directory.layout, offset)
        if below:
            yield below


def _is_secondary(page: Directory) -> bool:
    """Return whether this is a smaller copy of another page, or its mask."""
    return bool(page.number(_SUBFILE_TYPE) & 0b101) or page.number(_OLD_SUBFILE_TYPE) == 2


def _is_picture(page: Directory) -> bool:
    data = page.numbers(_STRIPS) or page.numbers(_TILES) or page.numbers(_OLD_JPEG)
    return bool(_area(page) and data)


def _area(page: Directory) -> int:
    return page.number(_WIDTH) * page.number(_HEIGHT)


def _shape(page: Directory) -> dict[str, object]:
    names = {"photometric": _PHOTOMETRIC, "bits": _BITS, "samples": _SAMPLES, "extra": _EXTRA, "format": _FORMAT}
    names |= {"planar": _PLANAR, "compression": _COMPRESSION}
    return {name: page.numbers(tag) for name, tag in names.items()}


def _is_readable(page: Directory) -> bool:
    kind, compression = page.number(_PHOTOMETRIC, -1), page.number(_COMPRESSION, _NONE)
    bits, formats = set(page.numbers(_BITS) or (1,)), set(page.numbers(_FORMAT) or (_WHOLE,))
    if kind not in _SHAPES or compression not in _COMPRESSIONS or len(bits) != 1:
        return False
    (bit,) = bits
    if bit not in _SHAPES[kind][0] or formats != ({_FLOAT} if bit == 32 else {_WHOLE}):
        return False
    if kind == _YCBCR:
        return compression in (_JPEG_COMPRESSION, _OLD_JPEG_COMPRESSION)
    has_order = bit <= 8 or (page.number(_FILL_ORDER, 1) == 1 and _byte_order_fits(page, bit, compression))
    return has_order and page.number(_INK_SET, 1) == 1 and _samples_fit(page, kind, bit)


def _byte_order_fits(page: Directory, bit: int, compression: int) -> bool:
    return page.layout.order == "little" or bit == 16 or (bit == 32 and compression == _NONE)


def _samples_fit(page: Directory, kind: int, bit: int) -> bool:
    """Return whether all samples besides the colours are declared.

    The decoder takes a sample that is not declared for transparency.
    """
    colours, samples, extra = _SHAPES[kind][1], page.number(_SAMPLES, 1), len(page.numbers(_EXTRA))
    if samples == colours:
        return not extra and (bit == 8 or not _has_planes(page))
    is_named = samples == colours + extra or (colours, samples, extra) == (3, 4, 0)
    return is_named and (bit == 8 or colours > 1) and not _has_planes(page)


def _has_planes(page: Directory) -> bool:
    return page.number(_PLANAR, 1) != 1 and page.number(_SAMPLES, 1) > 1


def _with_only(page: Directory) -> bytes:
    """Return the file with one appended directory that has only the entries that the decoder needs for pixels."""
    layout, (count, offset_size, _) = page.layout, page.layout.sizes
    tags = _PIXELS if _has_planes(page) else _PIXELS - {_PLANAR}
    kept = [page.entries[tag].stored for tag in sorted(tags & page.entries.keys())]
    start = len(page.content) + len(page.content) % 2
    version = 43 if layout.is_big else 42
    head = page.content[:2] + version.to_bytes(2, layout.order)
    if layout.is_big:
        head += (8).to_bytes(2, layout.order) + bytes(2)
    head += start.to_bytes(offset_size, layout.order)
    directory = len(kept).to_bytes(count, layout.order) + b"".join(kept) + bytes(offset_size)
    return head + page.content[len(head) :].ljust(start - len(head), b"\0") + directory
