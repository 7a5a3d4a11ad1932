"""Dimensions that the first bytes of a file claim. Nothing is decoded, so they may be wrong."""

from __future__ import annotations

import struct

HEAD = 64 * 1024  #: bytes that ``dimensions`` reads
_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  #: markers of JPEG frames
_ALONE = {0x01, *range(0xD0, 0xD9)}  #: markers without a length


def dimensions(head: bytes) -> tuple[int, int] | None:
    """Return (width, height) of a JPEG, PNG or WebP; ``None`` for other files and for incomplete headers."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack_from(">2I", head, 16)
        if head.startswith(b"\xff\xd8\xff"):
            return _of_jpeg(head)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _of_webp(head)
    except (struct.error, IndexError):  # cut off
        pass
    return None


def _of_jpeg(head: bytes) -> tuple[int, int] | None:
    position = 2
    while head[position] == 0xFF:
        marker = head[position + 1]
        if marker in _SOF:
            height, width = struct.unpack_from(">2H", head, position + 5)
            return width, height
        length = 0 if marker in _ALONE or marker == 0xFF else struct.unpack_from(">H", head, position + 2)[0]
        position += length + (1 if marker == 0xFF else 2)
    return None


def _of_webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return (width, height) if len(head) >= 30 else None
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<2H", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
