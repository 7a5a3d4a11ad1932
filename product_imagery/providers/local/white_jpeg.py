"""A JPEG in which every pure white pixel decodes to 255, 255, 255.

An ordinary encoder rings: quantisation throws shades of 252…254 around a product's edge. A decoder clips at 255, so the
cure is to let the white of such a block overshoot, which pixels cannot say but coefficients can (the idea is known as
overshoot deringing). Pillow writes the file with restart markers, which cut the scan into independent segments; only
the segments that hold an edge are computed and coded again here, after ITU-T T.81 (annex F.1), until all of their white
decodes to white. The rest of the file stays as Pillow wrote it.

The channels are stored as red, green and blue. In YCbCr a decoder clips before it mixes the channels, and a trace of
chroma beside the edge, which cannot overshoot, tints the white. Every decoder built on libjpeg reads such files.
"""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from product_imagery.providers.local.arrays import Bytes, Floats
from product_imagery.providers.local.huffman import START_OF_SCAN, code_segments, markers, read_tables

_SEGMENT = 8  #: blocks between two restart markers
_ROUNDS = 300
_SAFE = 257.0  #: what white must reach before clipping; integer decoders are off by about one

_ORDER = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
#: zigzag position → index in the block by rows (T.81 figure 5)
ZIGZAG: NDArray[np.intp] = np.array(_ORDER, np.intp)

_BASIS = np.array(
    [[np.sqrt((1 if u else 0.5) / 4) * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)],
    np.float32,
)


def white_jpeg(image: Image.Image, *, quality: int, **settings: Any) -> bytes:
    """Encode an RGB image (baseline, no subsampling); ``settings`` go to Pillow. Pure white stays pure white."""
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality, keep_rgb=True, restart_marker_blocks=_SEGMENT, **settings)
    encoded = target.getvalue()
    pixels = np.asarray(image)
    decoded = JpegImagePlugin.JpegImageFile(io.BytesIO(encoded))
    faulty = _to_blocks((pixels == 255).all(axis=-1) & (np.asarray(decoded) != 255).any(axis=-1)).any(axis=(2, 3))
    if not faulty.any():
        return encoded
    segments = np.unique(np.flatnonzero(faulty) // _SEGMENT)
    members = (segments[:, None] * _SEGMENT + np.arange(_SEGMENT)).ravel()
    members = members[members < faulty.size]
    blocks = _to_blocks(pixels)[np.unravel_index(members, faulty.shape)]
    coefficients = _overshoot(blocks, np.array(decoded.quantization[0], np.float32)[ZIGZAG])
    coded = code_segments(coefficients, np.searchsorted(segments, members // _SEGMENT), read_tables(encoded))
    return _splice(encoded, dict(zip(segments.tolist(), coded, strict=True)))


def _to_blocks(plane: NDArray[Any]) -> NDArray[Any]:
    """(h, w, …) → (rows, columns, 8, 8, …); the right and lower border repeat, as encoders do it."""
    height, width = plane.shape[:2]
    padded = np.pad(plane, [(0, -height % 8), (0, -width % 8)] + [(0, 0)] * (plane.ndim - 2), mode="edge")
    rows, columns = padded.shape[0] // 8, padded.shape[1] // 8
    return np.asarray(padded.reshape(rows, 8, columns, 8, *plane.shape[2:]).swapaxes(1, 2))


def _overshoot(blocks: Bytes, quantiser: Floats) -> NDArray[np.int32]:
    """Quantised coefficients (n, 3, 64) in zigzag order of RGB blocks (n, 8, 8, 3) whose white decodes to white."""
    white = np.repeat((blocks == 255).all(axis=-1)[:, None], 3, axis=1)
    wanted = np.moveaxis(blocks, -1, 1).astype(np.float32) - 128
    result = _quantise(wanted, quantiser)
    still = np.flatnonzero(white.any(axis=(1, 2, 3)))
    for round_ in range(_ROUNDS):
        missing = (_SAFE - 128) - _dequantise(result[still], quantiser)
        missing[(missing < 0) | ~white[still]] = 0
        unsolved = missing.any(axis=(1, 2, 3))
        still, missing = still[unsolved], missing[unsolved]
        if not len(still):
            break
        # A little more than the need, and more each round, so that quantisation cannot swallow it for ever.
        wanted[still] += missing * min(1.5, 0.7 + 0.05 * round_)
        result[still] = _quantise(wanted[still], quantiser)
    return result


def _quantise(blocks: Floats, quantiser: Floats) -> NDArray[np.int32]:
    transformed = (_BASIS @ blocks @ _BASIS.T).reshape(*blocks.shape[:2], 64)
    return np.rint(transformed[..., ZIGZAG] / quantiser).astype(np.int32)


def _dequantise(coefficients: NDArray[np.int32], quantiser: Floats) -> Floats:
    blocks = np.empty(coefficients.shape, np.float32)
    blocks[..., ZIGZAG] = coefficients * quantiser
    return np.asarray(_BASIS.T @ blocks.reshape(*coefficients.shape[:2], 8, 8) @ _BASIS)


def _splice(encoded: bytes, coded: dict[int, bytes]) -> bytes:
    """Replace segments of the scan, which stands between its header and the end marker."""
    start = next(end for marker, _, end in markers(encoded) if marker == START_OF_SCAN)
    pieces = re.split(rb"\xff[\xd0-\xd7]", encoded[start:-2])
    joined = bytearray(coded.get(0, pieces[0]))
    for index, piece in enumerate(pieces[1:], start=1):
        joined += bytes((0xFF, 0xD0 + (index - 1) % 8)) + coded.get(index, piece)
    return encoded[:start] + bytes(joined) + b"\xff\xd9"
