"""Orientation of a picture, from its EXIF entry only, as browsers read it."""

from __future__ import annotations

from PIL import Image

from product_imagery.imaging.directories import ORIENTATION, Directory, first_directory

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SHORT, _LONG = 3, 4
_HEADER = b"Exif\0\0"


def orientation_of(exif: bytes) -> int:
    """Return 1 to 8 from an EXIF block, with or without its header; 1 if the block is empty, truncated or invalid."""
    while exif.startswith(_HEADER):  # some programs write it twice
        exif = exif.removeprefix(_HEADER)
    directory = first_directory(exif)
    return orientation_in(directory) if directory else 1


def orientation_in(directory: Directory) -> int:
    """Return 1 to 8 from the entry of a directory: one SHORT or LONG. Anything else counts as 1."""
    entry = directory.entries.get(ORIENTATION)
    if entry is None or entry.type not in (_SHORT, _LONG) or entry.count != 1:
        return 1
    value = directory.number(ORIENTATION)
    return value if value in _TURNS else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture turned upright, from an EXIF orientation of 1 to 8."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
