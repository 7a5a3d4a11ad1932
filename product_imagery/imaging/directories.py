"""Directories of TIFF files and EXIF blocks (TIFF 6.0, BigTIFF), read with nothing taken for granted."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

ORIENTATION = 274
#: bytes of one value of each type: BYTE ASCII SHORT LONG RATIONAL SBYTE UNDEFINED SSHORT SLONG SRATIONAL FLOAT DOUBLE …
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE = {1, 3, 4, 13, 16, 18}  #: types of whole numbers that are never negative
_MOST = 512  #: entries of a directory, directories of a file, values of an entry that are looked at


@dataclass(frozen=True)
class Layout:
    """Byte order, and the struct codes that differ between TIFF and BigTIFF."""

    order: Literal["little", "big"]
    is_big: bool

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Bytes of the number of entries, of an offset or count, and of one entry."""
        return (8, 8, 20) if self.is_big else (2, 4, 12)


@dataclass(frozen=True)
class Entry:
    """One entry as it is stored: ``stored`` is the whole of it, ``value`` the place of its value in the file."""

    type: int
    count: int
    value: int
    stored: bytes


@dataclass(frozen=True)
class Directory:
    """A directory of ``content``: entries by their tag, and the offset of the next one (0: none)."""

    content: bytes
    layout: Layout
    entries: dict[int, Entry]
    next: int

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the whole numbers of an entry; none when there is no such entry, or it is no whole numbers."""
        entry = self.entries.get(tag)
        if entry is None or entry.type not in _WHOLE:
            return ()
        size = _SIZES[entry.type]
        stored = self.content[entry.value : entry.value + size * min(entry.count, _MOST)]
        whole = len(stored) - len(stored) % size
        return tuple(int.from_bytes(stored[at : at + size], self.layout.order) for at in range(0, whole, size))

    def number(self, tag: int, default: int = 0) -> int:
        """Return the first number of an entry."""
        return next(iter(self.numbers(tag)), default)

    def data(self, tag: int) -> bytes:
        """Return the bytes of an entry, whatever its type says they are."""
        entry = self.entries.get(tag)
        return self.content[entry.value : entry.value + _SIZES[entry.type] * entry.count] if entry else b""


def first_directory(content: bytes) -> Directory | None:
    """Return the first directory behind a TIFF header; ``None`` when there is none that can be read."""
    return next(directories(content), None)


def directories(content: bytes) -> Iterator[Directory]:
    """Yield the directories of the main chain. Ends at one that is not in the file, or was seen before."""
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
    """Return how a TIFF structure is written; ``None`` for anything else."""
    order: Literal["little", "big"] | None = {b"II": "little", b"MM": "big"}.get(content[:2])  # type: ignore[assignment]
    if order is None or set(content[2:4]) not in ({0, 42}, {0, 43}):
        return None
    return Layout(order, 43 in content[2:4])


def directory_at(content: bytes, layout: Layout, at: int) -> Directory | None:
    """Return the directory at an offset, as far as it is there; ``None`` when it begins outside of the file."""
    head, word, length = layout.sizes
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
    return Directory(content, layout, entries, int.from_bytes(content[end : end + word], layout.order))


def _entry(stored: bytes, layout: Layout, place: int) -> Entry | None:
    word = layout.sizes[1]
    kind, count = struct.unpack_from(
        ("<" if layout.order == "little" else ">") + ("HQ" if word == 8 else "HI"), stored, 2
    )
    if kind not in _SIZES:
        return None
    value = place + 4 + word
    if _SIZES[kind] * count > word:
        value = int.from_bytes(stored[4 + word :], layout.order)
    return Entry(kind, count, value, stored)
