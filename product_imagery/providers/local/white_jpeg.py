"""A JPEG in which every pixel of a white background decodes to 255, 255, 255.

An ordinary encoder rings: quantisation leaves shades of 252…254 around a product's edge. A decoder clips at 255, so the
remedy is to let the white of such a block overshoot, which coefficients can express, but pixels cannot (“overshoot
deringing”). Pillow writes the file with restart markers, which divide the scan into independent segments. Only segments
with an edge are computed and encoded again here, by ITU-T T.81 (annex F.1), until all of their white decodes to white.
The rest of the file stays as Pillow wrote it.

The channels are stored as red, green and blue. With YCbCr, a decoder clips before it mixes the channels, so a trace of
chroma beside the edge, which cannot overshoot, would tint the white. Every decoder based on libjpeg reads such files.
"""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from product_imagery.providers.local.arrays import Bytes, Floats
from product_imagery.providers.local.huffman import START_OF_SCAN, code_segments, markers, read_tables

_Numbers: TypeAlias = NDArray[np.intp]

_SEGMENT = 4  #: blocks between two restart markers
_ROUNDS = 300
_TOLERANCE = 0.01  #: rounding errors of float32, which no overshoot can compensate
_SAFE = 257.0  #: value of white before clipping; integer decoders are off by about one

_ORDER = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
#: zigzag position → index in the block by rows (T.81 figure 5)
ZIGZAG: NDArray[np.intp] = np.array(_ORDER, np.intp)

_COSINES = np.array(
    [[np.sqrt((1 if u else 0.5) / 4) * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)],
    np.float32,
)
#: matrix of the two-dimensional DCT, from a block's 64 pixels by rows to its coefficients in zigzag order
_DCT = np.kron(_COSINES, _COSINES)[ZIGZAG]


def white_jpeg(image: Image.Image, ground: Image.Image, *, quality: int, **settings: Any) -> bytes:
    """Encode an RGB image as baseline JPEG without subsampling; ``settings`` are passed to Pillow.

    ``ground`` is an ``L`` mask of the same size, 255 for background. The picture has to be white there, and every
    decoder will return white there.
    """
    with ThreadPoolExecutor(1) as threads:
        plain = threads.submit(_encode, image, quality=quality, **settings)
        mixed, coefficients = _edge_blocks(image, ground, _quantiser(quality))
        encoded = plain.result()
    segments, index = np.unique(mixed // _SEGMENT, return_inverse=True)
    coded = code_segments(coefficients, index, read_tables(encoded))
    return _splice(encoded, dict(zip(segments.tolist(), coded, strict=True)))


def _encode(image: Image.Image, *, quality: int, **settings: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality, keep_rgb=True, restart_marker_blocks=_SEGMENT, **settings)
    return target.getvalue()


def _quantiser(quality: int) -> Floats:
    """Return the quantisation steps of Pillow's encoder at this quality, in zigzag order."""
    probe = Image.open(io.BytesIO(_encode(Image.new("RGB", (8, 8)), quality=quality)))
    assert isinstance(probe, JpegImagePlugin.JpegImageFile)
    return np.array(probe.quantization[0], np.float32)[ZIGZAG]


def _edge_blocks(image: Image.Image, ground: Image.Image, quantiser: Floats) -> tuple[_Numbers, NDArray[np.int32]]:
    """Return the numbers of the blocks in all segments with an edge, and their coefficients (n, 3, 64)."""
    share = np.asarray(ground.reduce(8))
    mixed = (share > 0) & (share < 255)
    segments = np.unique(np.flatnonzero(mixed) // _SEGMENT)
    members = (segments[:, None] * _SEGMENT + np.arange(_SEGMENT)).ravel()
    members = members[members < mixed.size]
    rows, columns = np.divmod(members, mixed.shape[1])
    pixels, white = [np.empty((0, 8, 8, 3), np.uint8)], [np.empty((0, 8, 8), np.bool_)]
    for row in np.unique(rows):
        chosen = columns[rows == row]
        pixels.append(_row_of_blocks(image, row)[chosen])
        white.append(_row_of_blocks(ground, row)[chosen] == 255)
    return members, _overshoot(np.concatenate(pixels), np.concatenate(white), quantiser)


def _row_of_blocks(image: Image.Image, row: int) -> Bytes:
    """Return the blocks of one row as (columns, 8, 8, …). Right and lower border repeat, as in other encoders."""
    strip = np.asarray(image.crop((0, 8 * row, image.width, min(image.height, 8 * row + 8))))
    missing = [(0, -strip.shape[0] % 8), (0, -strip.shape[1] % 8), (0, 0)][: strip.ndim]
    padded = np.pad(strip, missing, mode="edge")
    return padded.reshape(8, -1, 8, *strip.shape[2:]).swapaxes(0, 1)


def _overshoot(blocks: Bytes, ground: NDArray[np.bool_], quantiser: Floats) -> NDArray[np.int32]:
    """Return quantised coefficients (n, 3, 64), in zigzag order, of RGB blocks (n, 8, 8, 3).

    They decode to white where ``ground`` (n, 8, 8) is true.
    """
    pixels = np.moveaxis(blocks, -1, 1).reshape(-1, 3, 64)
    white = np.repeat(ground.reshape(-1, 1, 64), 3, axis=1)
    wanted = pixels.astype(np.float32) - 128
    result = _quantise(wanted, quantiser)
    still = np.flatnonzero(white.any(axis=(1, 2)))
    for round_ in range(_ROUNDS):
        missing = np.float32(_SAFE - 128) - _apply(result[still] * quantiser, _DCT)
        missing[(missing < _TOLERANCE) | ~white[still]] = 0
        unsolved = missing.any(axis=(1, 2))
        still, missing = still[unsolved], missing[unsolved]
        if not len(still):
            break
        # Add more than is missing, and more in each round, or quantisation could absorb it every time.
        wanted[still] += missing * min(3.0, 1 + 0.2 * round_)
        result[still] = _quantise(wanted[still], quantiser)
    return result


def _quantise(pixels: Floats, quantiser: Floats) -> NDArray[np.int32]:
    quantised: NDArray[np.int32] = np.rint(_apply(pixels, _DCT.T) / quantiser).astype(np.int32)
    return quantised


def _apply(vectors: NDArray[Any], matrix: Floats) -> Floats:
    """Multiply (n, 3, 64) by (64, 64) at once, because numpy would multiply block by block."""
    return (vectors.reshape(-1, 64).astype(np.float32) @ matrix).reshape(vectors.shape)


def _splice(encoded: bytes, coded: dict[int, bytes]) -> bytes:
    """Replace segments of the scan, which is between its header and the end marker."""
    start = next(end for marker, _, end in markers(encoded) if marker == START_OF_SCAN)
    pieces = re.split(rb"\xff[\xd0-\xd7]", encoded[start:-2])
    joined = bytearray(coded.get(0, pieces[0]))
    for index, piece in enumerate(pieces[1:], start=1):
        joined += bytes((0xFF, 0xD0 + (index - 1) % 8)) + coded.get(index, piece)
    return encoded[:start] + bytes(joined) + b"\xff\xd9"
