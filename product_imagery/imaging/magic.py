"""File name suffixes by magic bytes: a claim, which only decoding proves. ``kinds`` refuses everything else."""

from __future__ import annotations

HEAD = 16  #: bytes that ``suffix_of`` reads


def suffix_of(head: bytes) -> str:
    """Return the file name suffix for a format that we read; empty for anything else."""
    if head.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return ".tif"
    return ".avif" if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis", b"mif1") else ""
