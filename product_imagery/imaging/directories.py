"""Defensive reader for the directories of TIFF files and EXIF blocks (TIFF 6.0, BigTIFF)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

ORIENTATION = 274
#: bytes of one value, by type: BYTE ASCII SHORT LONG RATIONAL SBYTE UNDEFINED SSHORT SLONG SRATIONAL FLOAT DOUBLE …
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE = {1, 3, 4, 13, 16, 18}  #: types of unsigned integers
_MOST = 512  #: limit of entries per directory, directories per file, and values per entry that are read


@dataclass(frozen=True)
class Layout:
    """Byte order, and the struct codes that differ between TIFF and BigTIFF."""

    order: Literal["little", "big"]
    is_big: bool

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Sizes in bytes: of the number of entries, of an offset or count, and of one entry."""
        return (8, 8, 20) if self.is_big else (2, 4, 12)


@dataclass(frozen=True)
class Entry:
    """One entry. ``stored`` are all its bytes, ``value`` is the offset of its value in the file."""

    type: int
    count: int
    value: int
    stored: bytes


@dataclass(frozen=True)
class Directory:
    """A directory of ``content``: its entries by tag, and the offset of the next directory (0: none)."""

    content: bytes
    layout: Layout
    entries: dict[int, Entry]
    next: int

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the unsigned integers of an entry; empty if there is no such entry or it has another type."""
        entry = self.entries.get(tag)
        if entry is None or entry.type not in _WHOLE:
            return ()
        size = _SIZES[entry.type]
        stored = self.content[entry.value : entry.value + size * min(entry.count, _MOST)]
        whole = len(stored) - len(stored) % size
        return tuple(int.from_bytes(stored[at : at + size], self.layout.order) for at in range(0, whole, size))

    def number(self, tag: int, default: int = 0) -> int:
        """Return the first unsigned integer of an entry, or ``default``."""
        return next(iter(self.numbers(tag)), default)

    def data(self, tag: int) -> bytes:
        """Return the bytes of an entry, regardless of its type; empty if there is none."""
        entry = self.entries.get(tag)
        return self.content[entry.value : entry.value + _SIZES[entry.type] * entry.count] if entry else b""


def first_directory(content: bytes) -> Directory | None:
    """Return the first directory after a TIFF header; ``None`` if there is no readable one."""
    return next(directories(content), None)


def directories(content: bytes) -> Iterator[Directory]:
    """Yield the directories of the main chain, up to one that is outside the file or was seen before."""
    layout = layout_of(content)
    if layout is None:
        return
    at = int.from_bytes(content[8:16] if layout.is_big else content[4:8], layout.order)
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MOST:
        seen.add(at)
        found = directory_at(content, layout, at)
        if found is None:
            return
        yield found
        at = found.next


def layout_of(content: bytes) -> Layout | None:
    """Return byte order and variant of a TIFF structure; ``None`` for anything else."""
    order: Literal["little", "big"] | None = {b"II": "little", b"MM": "big"}.get(content[:2])  # type: ignore[assignment]
    if order is None or set(content[2:4]) not in ({0, 42}, {0, 43}):
        return None
    return Layout(order, 43 in content[2:4])


def directory_at(content: bytes, layout: Layout, at: int) -> Directory | None:
    """Return the directory at an offset, with the entries that are in the file; ``None`` if it begins after the end."""
    head, offset_size, length = layout.sizes
    count = int.from_bytes(content[at : at + head], layout.order)
    if at + head > len(content):
        return None
    entries: dict[int, Entry] = {}
    for number in range(min(count, _MOST)):
        place = at + head + number * length
        stored = content[place : place + length]
        if len(stored) < length:
            break
        entry = _entry(stored, layout, place)
        if entry:
            entries.setdefault(int.from_bytes(stored[:2], layout.order), entry)
    end = at + head + count * length
    return Directory(content, layout, entries, int.from_bytes(content[end : end + offset_size], layout.order))


def _entry(stored: bytes, layout: Layout, place: int) -> Entry | None:
    offset_size = layout.sizes[1]
    codes = ("<" if layout.order == "little" else ">") + ("HQ" if layout.is_big else "HI")
    kind, count = struct.unpack_from(codes, stored, 2)
    if kind not in _SIZES:
        return None
    value = place + 4 + offset_size
    if _SIZES[kind] * count > offset_size:
        value = int.from_bytes(stored[4 + offset_size :], layout.order)
    return Entry(kind, count, value, stored)
