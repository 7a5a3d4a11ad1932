"""TIFF files of every shape, written here: directories, strips or tiles, planes, both byte orders, BigTIFF."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_CODES = {1: "B", 2: "c", 3: "H", 4: "I", 12: "d", 13: "I", 16: "Q"}
_SHORT, _LONG, _LONG8 = 3, 4, 16


@dataclass
class Page:
    """One directory: entries ``{tag: values}``, or ``{tag: (type, bytes)}``, the data blocks, and pages below it."""

    entries: dict[int, Any]
    blocks: list[bytes] = field(default_factory=list)
    below: list[Page] = field(default_factory=list)
    tiled: bool = False


def tiff(*pages: Page, order: str = "<", big: bool = False, sign: bytes = b"") -> bytes:
    """Return the file whose main chain are the pages; ``sign`` stands behind its header."""
    writer = _Writer(order, big)
    writer.out += sign
    return writer.file(pages)


def picture_page(
    samples: Any, *, photometric: int, bits: int = 8, order: str = "<", planar: int = 1, deflate: bool = False,
    tile: int = 0, **entries: Any,
) -> Page:  # fmt: skip
    """Return a page of (h, w, samples) whole numbers or floats; ``entries`` are named ``tag_339=…``."""
    samples = np.asarray(samples)
    samples = samples[..., None] if samples.ndim == 2 else samples
    height, width, count = samples.shape
    planes = [samples[..., k : k + 1] for k in range(count)] if planar == 2 else [samples]
    rows = tile or max(1, height // 2)
    blocks = []
    for plane in planes:
        for top in range(0, height, rows):
            for left in range(0, width, tile or width):
                part = plane[top : top + rows, left : left + (tile or width)]
                if tile:
                    part = np.pad(part, ((0, tile - part.shape[0]), (0, tile - part.shape[1]), (0, 0)))
                blocks.append(_packed(part, bits, order))
    if deflate:
        blocks = [zlib.compress(block) for block in blocks]
    known = {256: width, 257: height, 258: [bits] * count, 259: 8 if deflate else 1, 262: photometric, 277: count}
    known |= {284: planar} | ({322: tile, 323: tile} if tile else {278: rows})
    known |= {int(name.removeprefix("tag_")): value for name, value in entries.items()}
    return Page(known, blocks, tiled=bool(tile))


def _packed(part: Any, bits: int, order: str) -> bytes:
    if bits >= 8 and bits != 12:
        kind = {"f": "f4", "u": f"u{bits // 8}", "i": f"i{bits // 8}"}[part.dtype.kind]
        return bytes(part.astype(order + kind).tobytes())
    flat = part.reshape(part.shape[0], -1).astype(np.uint16)
    each = (flat[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return bytes(np.packbits(each.reshape(part.shape[0], -1).astype(np.uint8), axis=1).tobytes())


class _Writer:
    def __init__(self, order: str, big: bool) -> None:
        self.order, self.big = order, big
        mark = b"II" if order == "<" else b"MM"
        self.out = bytearray(mark + self._pack("HHHQ", 43, 8, 0, 0) if big else mark + self._pack("HI", 42, 0))

    def file(self, pages: Sequence[Page]) -> bytes:
        link = 8 if self.big else 4
        for page in pages:
            at, end = self._directory(page)
            self._write(link, at)
            link = end
        return bytes(self.out)

    def _directory(self, page: Page) -> tuple[int, int]:
        """Append a directory; return where it begins and where its link to the next one stands."""
        entries = dict(page.entries)
        if page.below:
            entries[330] = (13, b"".join(self._pack("I", self._directory(one)[0]) for one in page.below))
        if page.blocks:
            places = [self._append(block) for block in page.blocks]
            offsets, counts = (324, 325) if page.tiled else (273, 279)
            entries |= {offsets: places, counts: [len(block) for block in page.blocks]}
        stored = [self._entry(tag, value) for tag, value in sorted(entries.items())]
        at = self._append(self._pack("Q" if self.big else "H", len(stored)) + b"".join(stored))
        return at, self._append(bytes(8 if self.big else 4), even=False)

    def _entry(self, tag: int, value: Any) -> bytes:
        if isinstance(value, tuple):
            kind, content = value
            count = len(content) // struct.calcsize("=" + _CODES.get(kind, "B"))
        else:
            values = value if isinstance(value, list) else [value]
            kind = _SHORT if max(values) < 65536 else _LONG
            content, count = self._pack(f"{len(values)}{_CODES[kind]}", *values), len(values)
        word = 8 if self.big else 4
        inline = content.ljust(word, b"\0") if len(content) <= word else self._offset(self._append(content))
        return self._pack("HH", tag, kind) + self._offset(count) + inline

    def _offset(self, number: int) -> bytes:
        return self._pack("Q" if self.big else "I", number)

    def _append(self, content: bytes, even: bool = True) -> int:
        if even and len(self.out) % 2:
            self.out += b"\0"
        self.out += content
        return len(self.out) - len(content)

    def _write(self, at: int, number: int) -> None:
        packed = self._offset(number)
        self.out[at : at + len(packed)] = packed

    def _pack(self, codes: str, *values: Any) -> bytes:
        return struct.pack(self.order + codes, *values)
