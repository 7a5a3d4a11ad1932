"""File formats by their first bytes: those that we read, and names of others for the refusal."""

from __future__ import annotations

from product_imagery.exceptions import PictureError
from product_imagery.texts import gettext, gettext_noop

_TIFF = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"MM\0+", b"II+\0")
_AVIF_BRANDS = (b"avif", b"avis")

#: (offset, bytes, name); the first match counts. The name completes the sentence "This is …".
_KNOWN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", gettext_noop("a GIF picture")),
    (0, b"BM", gettext_noop("a BMP picture")),
    (0, b"\xff\x0a", gettext_noop("a JPEG XL picture")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", gettext_noop("a JPEG XL picture")),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", gettext_noop("a JPEG 2000 picture")),
    (0, b"\xff\x4f\xff\x51", gettext_noop("a JPEG 2000 picture")),
    (0, b"II\xbc\x01", gettext_noop("a JPEG XR picture")),
    (0, b"8BPS", gettext_noop("a Photoshop document")),
    (0, b"%PDF", gettext_noop("a PDF document")),
    (0, b"%!PS", gettext_noop("an EPS drawing")),
    (0, b"\xc5\xd0\xd3\xc6", gettext_noop("an EPS drawing")),
    (0, b"\0\0\1\0", gettext_noop("an icon")),
    (0, b"\0\0\2\0", gettext_noop("an icon")),
    (0, b"icns", gettext_noop("an icon")),
    (0, b"gimp xcf", gettext_noop("a GIMP document")),
    (0, b"DDS ", gettext_noop("a DDS texture")),
    (0, b"v/1\1", gettext_noop("an OpenEXR picture")),
    (0, b"#?RADIANCE", gettext_noop("a Radiance HDR picture")),
    (0, b"#?RGBE", gettext_noop("a Radiance HDR picture")),
    (0, b"qoif", gettext_noop("a QOI picture")),
    (0, b"BPG\xfb", gettext_noop("a BPG picture")),
    (0, b"FLIF", gettext_noop("a FLIF picture")),
    (0, b"AT&TFORM", gettext_noop("a DjVu document")),
    (0, b"\xd7\xcd\xc6\x9a", gettext_noop("a WMF drawing")),
    (40, b" EMF", gettext_noop("an EMF drawing")),
    (0, b"\x01\xda", gettext_noop("an SGI picture")),
    (0, b"\x59\xa6\x6a\x95", gettext_noop("a Sun raster picture")),
    (128, b"DICM", gettext_noop("a DICOM picture")),
    (0, b"SIMPLE  =", gettext_noop("a FITS picture")),
    (0, b"AC10", gettext_noop("a DWG drawing")),
    (0, b"PK\3\4", gettext_noop("a ZIP archive or an office document")),
    (0, b"Rar!", gettext_noop("a RAR archive")),
    (0, b"7z\xbc\xaf\x27\x1c", gettext_noop("a 7z archive")),
    (0, b"\x1f\x8b", gettext_noop("a packed file")),
    (0, b"\xd0\xcf\x11\xe0", gettext_noop("an office document")),
    (0, b"{\\rtf", gettext_noop("a text document")),
    (0, b"\x1aE\xdf\xa3", gettext_noop("a video")),
    (0, b"\0\0\1\xba", gettext_noop("a video")),
    (4, b"moov", gettext_noop("a video")),
    (8, b"AVI ", gettext_noop("a video")),
    (8, b"CDR", gettext_noop("a CorelDRAW drawing")),
)
_CAMERA_RAW = (
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),
    (0, b"IIU\0"),
    (6, b"HEAPCCDR"),
    (0, b"FOVb"),
    (0, b"\0MRM"),
    (0, b"ARRI"),
    (0, b"IIII"),
    (0, b"MMMM"),
)
_HEAD = 4096


def format_of(content: bytes) -> str:
    """Return Pillow's name of the format, one of ``limits.READABLE``. Only decoding proves that it is right.

    Raises ``PictureError``: ``unsupported_format``, naming the kind of file, or ``not_an_image``.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content.startswith(_TIFF):
        return "TIFF"
    if content[4:8] == b"ftyp" and any(brand in _AVIF_BRANDS for brand in _brands(content)):
        return "AVIF"
    raise _refusal(content[:_HEAD])


def camera_raw() -> PictureError:
    """Return the refusal of a camera raw file."""
    sentence = gettext(
        "This is a camera raw file, which is not accepted. Develop it and save the picture as JPEG, PNG or WebP."
    )
    return PictureError(sentence, code="unsupported_format")


def damaged(detail: str) -> PictureError:
    """Return the refusal of a file whose pixels cannot be read."""
    sentence = gettext("The picture is damaged or cut off. Upload it again from the original.")
    return PictureError(sentence, code="damaged", detail=detail)


def _refusal(head: bytes) -> PictureError:
    if any(head.startswith(signature, offset) for offset, signature in _CAMERA_RAW) or head[4:12] == b"ftypcrx ":
        return camera_raw()
    name = _name_of(head)
    if name:
        sentence = gettext(
            "This is %(name)s: this kind of file is not accepted. Save the picture as JPEG, PNG or WebP."
        ) % {"name": gettext(name)}
        return PictureError(sentence, code="unsupported_format")
    if _is_web_page(head):
        sentence = gettext("The file is a web page, not a picture. Upload a JPEG, PNG or WebP.")
    else:
        sentence = gettext("The file is not a picture that can be read. Upload a JPEG, PNG or WebP.")
    return PictureError(sentence, code="not_an_image")


def _name_of(head: bytes) -> str:
    for offset, signature, name in _KNOWN:
        if head.startswith(signature, offset):
            return name
    if head[4:8] == b"ftyp":
        return gettext_noop("a HEIC picture") if _brands(head) & _HEIF_BRANDS else gettext_noop("a video")
    if b"<svg" in head.lower() and not _is_web_page(head):
        return gettext_noop("an SVG drawing")
    is_netpbm = head[:1] == b"P" and head[1:2] in b"1234567fF" and head[2:3].isspace()
    return gettext_noop("a Netpbm picture") if is_netpbm else ""


_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"}


def _brands(content: bytes) -> set[bytes]:
    """Return the major and the compatible brands of an ISO media file."""
    end = min(int.from_bytes(content[:4]), 512)
    return {content[8:12]} | {content[at : at + 4] for at in range(16, end - 3, 4)}


def _is_web_page(head: bytes) -> bool:
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return begin.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))
