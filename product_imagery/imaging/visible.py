"""Refusal of pictures that show nothing."""

from __future__ import annotations

from PIL import Image

from product_imagery.exceptions import PictureError
from product_imagery.texts import gettext

FAINTEST = 8  #: alpha from which a pixel counts as visible


def require_something_visible(image: Image.Image) -> None:
    """Raise ``PictureError`` (``nothing_found``) for a picture without a visible pixel."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[1] < FAINTEST:  # type: ignore[operator]
        sentence = gettext(
            "The picture is completely transparent: no product was found. Upload a picture that shows it."
        )
        raise PictureError(sentence, code="nothing_found")
