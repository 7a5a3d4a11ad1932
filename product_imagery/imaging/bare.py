"""Is a file nothing but a picture? Told by its structure: ITU-T T.81 (JPEG), the specifications of PNG and WebP."""

from __future__ import annotations

import re
from pathlib import Path

#: frames, tables, restart interval, scans; JFIF's and Adobe's segments, which say how pixels are meant
_JPEG_PARTS = {0xDB, 0xC4, 0xDD, 0xDA, 0xE0, 0xEE} | (set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC})
_JPEG_COLOUR, _JPEG_SCAN, _JPEG_END = 0xE2, 0xDA, 0xD9
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  #: inside a scan a byte FF is followed by 00 or a restart
_PNG_PARTS = set(b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs".split())
_WEBP_PARTS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"}


def is_bare(path: Path, format: str) -> bool:
    """Whether the JPEG, PNG or WebP at ``path`` holds pixels and their colours only: no place, no comment, no tail.

    False also for what is not understood, and for other formats.
    """
    walk = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}.get(format)
    return walk is not None and walk(path.read_bytes())


def _jpeg(content: bytes) -> bool:
    at, in_scan = 2, False
    while marker := _JPEG_MARKER.search(content, at):
        kind, begin = content[marker.start() + 1], marker.end()
        if kind == _JPEG_END:
            return begin == len(content)
        is_profile = kind == _JPEG_COLOUR and content[begin + 2 : begin + 14] == b"ICC_PROFILE\0"
        if kind not in _JPEG_PARTS and not is_profile:
            return False
        if marker.start() > at and not in_scan:
            return False
        in_scan = kind == _JPEG_SCAN
        at = begin + int.from_bytes(content[begin : begin + 2])
    return False


def _png(content: bytes) -> bool:
    at, kind = 8, b""
    while at + 12 <= len(content):
        length, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if kind not in _PNG_PARTS:
            return False
        at += 12 + length
        if kind == b"IEND":
            break
    return kind == b"IEND" and at == len(content)


def _webp(content: bytes) -> bool:
    at, end = 12, 8 + int.from_bytes(content[4:8], "little")
    while at + 8 <= end:
        length, kind = int.from_bytes(content[at + 4 : at + 8], "little"), content[at : at + 4]
        if kind not in _WEBP_PARTS:
            return False
        at += 8 + length + length % 2
    return at == end == len(content)
