"""Split an untrusted file into pixels for the decoder, orientation and colour profile, and drop the rest.

The decoder never sees XMP, text, comments or indexes of further pictures, so a limit or a defect in its parsers for
these cannot make a picture fail. Structures: ITU-T T.81 (JPEG), the specifications of PNG and WebP, and
ISO/IEC 23008-12 (AVIF). TIFF has its own module.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from product_imagery.exceptions import PictureError
from product_imagery.imaging.orientation import orientation_of
from product_imagery.imaging.tiff import take_apart_tiff
from product_imagery.texts import gettext

#: Largest size of an unpacked profile in bytes; a larger one is ignored. LUT profiles of printers have 1 to 4 MB.
_PROFILE = 8 * 1024 * 1024

#: frames, tables, restart interval, scans; and the JFIF and Adobe segments, which tell how to interpret the pixels
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_PARTS = {0xDB, 0xC4, 0xDD, 0xDA, 0xE0, 0xEE, 0xCC, 0xDC} | _JPEG_FRAMES
_JPEG_HINTS, _JPEG_HINT = (0xE0, 0xEE), 12  #: the JFIF and Adobe segments, and the smallest size of each in bytes
_JPEG_EXIF, _JPEG_PROFILE, _JPEG_SCAN, _JPEG_END = 0xE1, 0xE2, 0xDA, 0xD9
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7\x01]")  #: in a scan, FF is followed by 00 or a restart marker
_PNG_PIXELS = set(b"IHDR PLTE IDAT IEND tRNS acTL fcTL fdAT".split())
_PNG_METADATA_FREE = set(b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs".split())
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
_WEBP_METADATA_FREE = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"}
_WEBP_METADATA = 0x20 | 0x08 | 0x04  #: bits of VP8X that announce ICC profile, EXIF and XMP
_AVIF_ITEM = re.compile(rb"(infe[\x02\x03].{3}(?:.{4}|.{6}))(?:Exif|mime)", re.DOTALL)


@dataclass(frozen=True)
class Parts:
    """Parts of a file. ``pixels`` is a file with nothing but the picture.

    ``orientation`` is 1 to 8 as in EXIF; ``profile`` is an ICC profile, or empty. ``bits`` is the number of bits of a
    sample, which not every decoder reports.
    """

    pixels: bytes
    orientation: int = 1
    profile: bytes = b""
    bits: int = 8


def take_apart(content: bytes, format: str) -> Parts:
    """Return the parts of a file whose ``format`` is one of ``limits.READABLE``.

    Truncated or unknown content stays in ``pixels``, so that the decoder can report it. Raises ``PictureError`` for a
    JPEG that does not have 8 bits, and for a TIFF that is not a single picture of a supported kind.
    """
    readers: dict[str, Callable[[bytes], Parts]] = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "AVIF": _avif}
    if format == "TIFF":
        page = take_apart_tiff(content)
        return Parts(page.pixels, orientation=page.orientation, profile=page.profile, bits=page.bits)
    return readers[format](content)


def is_metadata_free(content: bytes, format: str) -> bool:
    """Return whether a JPEG, PNG or WebP holds pixels and colours only: no location, no comment, no trailing bytes.

    An allow-list: false for anything that is not understood, and for other formats.
    """
    if format == "JPEG":
        return _jpeg_is_metadata_free(content)
    walks = {"PNG": (_png_chunks, _PNG_METADATA_FREE), "WEBP": (_webp_chunks, _WEBP_METADATA_FREE)}
    if format not in walks:
        return False
    walk, known = walks[format]
    chunks = list(walk(content))
    kinds, end = {kind for kind, _, _ in chunks}, chunks[-1][2] if chunks else 0
    return kinds <= known and end == len(content) and (format == "WEBP" or b"IEND" in kinds)


def _jpeg(content: bytes) -> Parts:
    kept, exif, profile = [content[:2]], b"", dict[bytes, bytes]()
    for kind, start, end in _jpeg_segments(content):
        body = content[start + 4 : end]
        if kind == _JPEG_PROFILE and body[:12] == b"ICC_PROFILE\0":
            profile[body[12:13]] = body
            continue
        if kind == _JPEG_EXIF and body[:6] == b"Exif\0\0":
            exif = exif or body
        if kind in _JPEG_FRAMES and body[:1] not in (b"", b"\x08"):
            sentence = gettext(
                "This JPEG has %(bits)s bits for each colour, not 8. Save it as an ordinary JPEG, or as PNG."
            ) % {"bits": body[0]}
            raise PictureError(sentence, code="unsupported_format")
        if kind == _JPEG_SCAN:  # the decoder reads everything after this
            kept.append(content[start:])
            break
        if kind in _JPEG_PARTS and not (kind in _JPEG_HINTS and len(body) < _JPEG_HINT):
            kept.append(content[start:end])
    return Parts(b"".join(kept), orientation_of(exif), _joined_profile(profile))


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment. Bytes between segments are skipped."""
    at = 2
    while marker := _JPEG_MARKER.search(content, at):
        begin = marker.start()
        at = begin + 2
        if content[begin + 1] not in (0xD8, _JPEG_END):
            at += int.from_bytes(content[at : at + 2])
        yield content[begin + 1], begin, at


def _jpeg_is_metadata_free(content: bytes) -> bool:
    before, in_scan = 2, False
    for kind, start, end in _jpeg_segments(content):
        if kind == _JPEG_END:
            return start + 2 == len(content)
        is_profile = kind == _JPEG_PROFILE and content[start + 4 : start + 16] == b"ICC_PROFILE\0"
        if (kind not in _JPEG_PARTS and not is_profile) or (start > before and not in_scan):
            return False
        before, in_scan = end, kind == _JPEG_SCAN
    return False


def _joined_profile(pieces: dict[bytes, bytes]) -> bytes:
    """Return the ICC profile, its pieces joined in the order of their numbers; empty if a piece is missing."""
    ordered = [pieces[number] for number in sorted(pieces)]
    if not ordered or any(piece[13:14] != len(ordered).to_bytes() for piece in ordered):
        return b""
    return b"".join(piece[14:] for piece in ordered)


def _png(content: bytes) -> Parts:
    kept, exif, profile = [content[:8]], b"", b""
    for kind, start, end in _png_chunks(content):
        body = content[start + 8 : end - 4]
        if kind in _PNG_PIXELS or end > len(content):
            kept.append(content[start:end])
        elif kind == b"iCCP":
            profile = profile or _inflated(body.partition(b"\0")[2])
        elif kind == b"eXIf":
            exif = exif or body
    return Parts(b"".join(kept), orientation_of(exif), profile, content[24] if len(content) > 24 else 8)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 8
    while at + 8 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4])
        yield content[at + 4 : at + 8], at, end
        if content[at + 4 : at + 8] == b"IEND":
            return
        at = end


def _inflated(packed: bytes) -> bytes:
    """Return the unpacked ICC profile of an iCCP chunk, after its name: a method byte, 0, and a zlib stream.

    Empty if it is broken or larger than ``_PROFILE``.
    """
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], _PROFILE) if packed[:1] == b"\0" else b""
    except zlib.error:
        return b""
    return b"" if unpacking.unconsumed_tail else profile


def _webp(content: bytes) -> Parts:
    kept, found = [], {b"EXIF": b"", b"ICCP": b""}
    for kind, start, end in _webp_chunks(content):
        chunk = content[start:end]
        if kind == b"VP8X":
            kept.append(chunk[:8] + bytes([chunk[8] & ~_WEBP_METADATA & 0xFF]) + chunk[9:] if chunk[8:] else chunk)
        elif kind in _WEBP_PIXELS:
            kept.append(chunk)
        elif kind in found:
            found[kind] = found[kind] or chunk[8 : 8 + int.from_bytes(chunk[4:8], "little")]
    size = sum(map(len, kept)) + 4
    pixels = b"RIFF" + size.to_bytes(4, "little") + b"WEBP" + b"".join(kept)
    return Parts(pixels, orientation_of(found[b"EXIF"]), found[b"ICCP"])


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    at, end = 12, min(len(content), 8 + int.from_bytes(content[4:8], "little"))
    while at + 8 <= end:
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        yield content[at : at + 4], at, at + 8 + length + length % 2
        at += 8 + length + length % 2


def _avif(content: bytes) -> Parts:
    """Hide EXIF and XMP from the decoder, so that only ``irot`` and ``imir`` turn the picture, as in browsers."""
    at = content.find(b"meta")
    length = int.from_bytes(content[at - 4 : at]) if at >= 4 else 0
    meta = content[at : at - 4 + length]
    hidden = _AVIF_ITEM.sub(rb"\1skip", meta)
    return Parts(content.replace(meta, hidden, 1) if hidden != meta else content)
