"""JPEG, PNG, WebP and AVIF files with metadata that is put in byte by byte, as no library would write it."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from PIL import Image

from tests.conftest import draw_product, encoded

CONTAINERS = ("JPEG", "PNG", "WEBP", "AVIF")
SIZE = (120, 80)


def exif_block(*entries: tuple[int, int, int, bytes], order: str = "<") -> bytes:
    """Return a TIFF structure with one directory of (tag, type, count, value or offset) entries."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    stored = b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3].ljust(4, b"\0") for entry in entries)
    return mark + struct.pack(order + "IH", 8, len(entries)) + stored + bytes(4)


def orientation(value: int, kind: int = 3, order: str = "<") -> tuple[int, int, int, bytes]:
    """Return an Orientation entry."""
    return (274, kind, 1, struct.pack(order + {1: "B", 2: "B", 3: "H", 4: "I"}[kind], value))


def photo(format: str, *, exif: bytes = b"", xmp: bytes = b"", profile: bytes = b"", picture: Any = None) -> bytes:
    """Return a file of ``format`` with these blocks as they are."""
    picture = picture or draw_product(SIZE)
    if format == "AVIF":
        return _avif(picture, exif, xmp, profile)
    content = encoded(picture, format, **({"quality": 95} if format == "JPEG" else {"lossless": True}))
    return {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}[format](content, exif, xmp, profile)


def jpeg_segment(marker: int, body: bytes) -> bytes:
    """Return one segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_png_chunks(content: bytes, *chunks: bytes) -> bytes:
    """Return the PNG with chunks behind its header."""
    return content[:33] + b"".join(chunks) + content[33:]


def _jpeg(content: bytes, exif: bytes, xmp: bytes, profile: bytes) -> bytes:
    segments = [jpeg_segment(0xE1, b"Exif\0\0" + exif)] if exif else []
    segments += [jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)] if xmp else []
    pieces = [profile[at : at + 65000] for at in range(0, len(profile), 65000)]
    segments += [
        jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([number + 1, len(pieces)]) + piece)
        for number, piece in enumerate(pieces)
    ]
    return content[:2] + b"".join(segments) + content[2:]


def _png(content: bytes, exif: bytes, xmp: bytes, profile: bytes) -> bytes:
    chunks = [png_chunk(b"iCCP", b"name\0\0" + zlib.compress(profile))] if profile else []
    chunks += [png_chunk(b"eXIf", exif)] if exif else []
    chunks += [png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)] if xmp else []
    return with_png_chunks(content, *chunks)


def _webp(content: bytes, exif: bytes, xmp: bytes, profile: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    flags = 0x20 * bool(profile) | 0x08 * bool(exif) | 0x04 * bool(xmp)
    size = b"".join((side - 1).to_bytes(3, "little") for side in SIZE)
    body = chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size)
    body += chunk(b"ICCP", profile) if profile else b""
    body += content[12:]
    body += (chunk(b"EXIF", exif) if exif else b"") + (chunk(b"XMP ", xmp) if xmp else b"")
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _avif(picture: Image.Image, exif: bytes, xmp: bytes, profile: bytes) -> bytes:
    """The encoder reads EXIF itself: an innocent block of the same length is written and replaced afterwards."""
    innocent = exif_block((271, 2, 1, b"A"), (0, 2, 1, b"")).ljust(len(exif), b"\x2a") if exif else b""
    blocks = {"exif": innocent, "xmp": xmp, "icc_profile": profile}
    content = encoded(picture, "AVIF", quality=95, **{name: block for name, block in blocks.items() if block})
    assert not innocent or innocent in content
    return content.replace(innocent, exif.ljust(len(innocent), b"\0")) if innocent else content
