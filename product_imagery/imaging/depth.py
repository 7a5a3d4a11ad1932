"""Conversion of samples of any depth to 8 bits: modes ``L``, ``LA``, ``RGB``, ``RGBA`` and ``CMYK``."""

from __future__ import annotations

from PIL import Image

from product_imagery.exceptions import PictureError
from product_imagery.texts import gettext

_PLAIN = ("L", "LA", "RGB", "RGBA", "CMYK")
_STRAIGHT = {"La": "LA", "RGBa": "RGBA", "YCbCr": "RGB", "LAB": "RGB", "PA": "RGBA"}


def to_eight_bits(image: Image.Image, bits: int = 8) -> Image.Image:
    """Return the picture with 8 bits per sample. A colour key (“this colour is transparent”) becomes alpha.

    ``bits`` is the number of bits of a stored sample: values are scaled by its range, never clipped. Raises
    ``PictureError`` (``unsupported_format``) for samples of unknown range.
    """
    key = image.info.get("transparency")
    if image.mode.startswith("I;16"):
        image = _scaled(image.convert("I"), 255 / ((1 << min(max(bits, 9), 16)) - 1))
    elif image.mode == "F":
        image = _from_floats(image)
    if key is not None and image.mode in ("1", "L", "P", "RGB"):
        image.info["transparency"] = _key_in_eight_bits(key, image.mode, bits)
        return image.convert("RGBA")
    if image.mode in ("1", "P"):
        has_alpha = image.palette is not None and image.palette.mode == "RGBA"
        return image.convert("L" if image.mode == "1" else "RGBA" if has_alpha else "RGB")
    if image.mode in _PLAIN:
        return image
    if image.mode not in _STRAIGHT:
        raise _unknown_range()
    return image.convert(_STRAIGHT[image.mode])


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    return image.point(lambda value: value * factor + 0.5).convert("L")


def _from_floats(image: Image.Image) -> Image.Image:
    """Scale floats from 0 (black) to 1 (white), as cameras and studios write them.

    Raises ``PictureError`` for other ranges, which come from measuring instruments.
    """
    low, high = image.getextrema()
    if not (0 <= low <= high <= 1):  # type: ignore[operator]
        raise _unknown_range()
    return _scaled(image, 255)


def _key_in_eight_bits(key: object, mode: str, bits: int) -> object:
    """Scale the transparent colour as the samples are scaled. For a palette it is an index or a table, and stays."""
    if mode in ("1", "P") or bits == 8:
        return key
    scale = 255 / ((1 << bits) - 1)
    if isinstance(key, tuple):
        return tuple(value >> 8 for value in key)  # the decoder drops the lower byte of 16-bit samples
    return int(key * scale + 0.5) if isinstance(key, int) else key


def _unknown_range() -> PictureError:
    sentence = gettext(
        "This kind of picture is not accepted: its values have no known range. Save it as JPEG, PNG or WebP."
    )
    return PictureError(sentence, code="unsupported_format")
