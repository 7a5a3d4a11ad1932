"""ZIP archives that are generated while they are sent, without holding more than one piece in memory."""

from __future__ import annotations

import posixpath
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.core.files.storage import Storage
from django.db import connection
from django.utils.translation import gettext
from zipstream import ZipStream

from product_imagery.exceptions import StorageError
from product_imagery.products.names import readable
from product_imagery.storage.store import pieces


@dataclass(frozen=True)
class Member:
    """One file: its name in the archive, its name in the storage, and its bytes."""

    name: str
    stored: str
    size: int


def member_name(number: int, title: str, stored: str) -> str:
    """A name that every system can write, and that no other member has: ``0001-blue-mug.jpg``."""
    return f"{number:04}-{readable(title) or 'picture'}{posixpath.splitext(stored)[1].lower()}"


class Archive:
    """The archive of ``members``: its length is known before its first byte, as pictures are stored uncompressed.

    Iterating raises ``StorageError`` at a file that is missing or has another length: the connection then breaks off
    before the archive's directory, without which no program takes it for a whole one.
    """

    def __init__(self, storage: Storage, members: Iterable[Member]) -> None:
        self._stream = ZipStream(sized=True)
        for member in members:
            self._stream.add(_pieces_of(storage, member), member.name, size=member.size)

    def __len__(self) -> int:
        return len(self._stream)

    def __iter__(self) -> Iterator[bytes]:
        if not connection.in_atomic_block:
            connection.close()  # a download may take an hour, and needs no database
        yield from self._stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The same for ASGI, where a plain iterator would be gathered before it is sent."""
        plain = iter(self)
        following = sync_to_async(lambda: next(plain, None), thread_sensitive=False)
        while (piece := await following()) is not None:
            yield piece


def _pieces_of(storage: Storage, member: Member) -> Iterator[bytes]:
    left = member.size
    for piece in pieces(storage, member.stored):
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise StorageError(gettext("A picture in the storage has another length than it had when it was made."))
