"""ZIP archives that are made while they are sent: nothing of them is held but the piece under way.

Pictures are stored, not compressed: they are compressed already, and so the length is known before the first byte.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.core.files.storage import Storage
from django.db import connection
from django.utils.text import slugify

from product_imagery import files
from product_imagery.exceptions import StorageError

_DATE = (1980, 1, 1, 0, 0, 0)  #: the earliest that the format knows: the same collection is the same archive
_FAR = zipfile.ZIP64_LIMIT
_MANY = zipfile.ZIP_FILECOUNT_LIMIT


@dataclass(frozen=True)
class Member:
    """One file: its name in the archive, its name in the storage, and its bytes."""

    name: str
    stored: str
    size: int


def member_name(number: int, title: str, stored: str) -> str:
    """A name that every system can write, and that no other member has: ``0001-blue-mug.jpg``."""
    return f"{number:04}-{slugify(title)[:80] or 'picture'}{posixpath.splitext(stored)[1].lower()}"


def stream(storage: Storage, members: Sequence[Member]) -> Iterator[bytes]:
    """Yield the archive.

    Raises ``StorageError`` at a file that is missing or has another length: the connection then breaks off before the
    archive's directory, without which no program takes it for a whole one.
    """
    if not connection.in_atomic_block:
        connection.close()  # a download may take an hour, and needs no database
    sink: Any = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, _DATE)
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as target:
                for piece in _pieces_of(storage, member):
                    target.write(piece)
                    yield from sink.drain()
    yield from sink.drain()


async def stream_async(storage: Storage, members: Sequence[Member]) -> AsyncIterator[bytes]:
    """The same for ASGI, where a plain iterator would be gathered before it is sent."""
    pieces = stream(storage, members)
    following = sync_to_async(lambda: next(pieces, None), thread_sensitive=False)
    while (piece := await following()) is not None:
        yield piece


def _pieces_of(storage: Storage, member: Member) -> Iterator[bytes]:
    left = member.size
    for piece in files.pieces(storage, member.stored):
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise StorageError("A picture in the storage has another length than it had when it was made.")


def length(members: Iterable[Member]) -> int:
    """The bytes of the whole archive (APPNOTE 6.3, sections 4.3.7 to 4.3.16)."""
    offset, directory, count = 0, 0, 0
    for member in members:
        name = len(member.name.encode())
        far = 8 * (offset > _FAR) + 16 * (member.size > _FAR)
        directory += 46 + name + (4 + far if far else 0)
        offset += 30 + name + 20 + member.size + 24
        count += 1
    end = 22 + (76 if count > _MANY or offset > _FAR or directory > _FAR else 0)
    return offset + directory + end


class _Sink:
    """What has been written and not yet taken away. It cannot be read back, and says so."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def drain(self) -> list[bytes]:
        """Take away what has been written."""
        taken, self._pieces = self._pieces, []
        return taken
