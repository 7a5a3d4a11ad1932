"""Packshots: paint the product, already placed in its frame, on a plain background."""

from __future__ import annotations

from PIL import Image, ImageColor

from product_imagery.exceptions import OptionError
from product_imagery.providers.local.contact import parts
from product_imagery.providers.local.frame import Placed
from product_imagery.providers.local.shadow import contact_shadow, darken
from product_imagery.texts import gettext

_HAZE = 8  #: lower alpha counts as 0, because it would leave off-white pixels on white


def packshot(placed: Placed, *, background: str, shadow: bool) -> tuple[Image.Image, Image.Image]:
    """Return an RGB picture of the placed product on ``background`` (#RRGGBB), and the ``L`` mask of that background.

    ``shadow`` adds a soft contact shadow.
    """
    ground = Image.new("RGB", placed.size, parse_colour(background))
    if shadow:
        ground = darken(ground, contact_shadow(placed, parts(placed.product.getchannel("A")), 0.5))
    clear = placed.product.getchannel("A").point(lambda value: value if value >= _HAZE else 0)
    ground.paste(placed.product, placed.box[:2], clear)
    around = Image.new("L", placed.size, 255)
    around.paste(clear.point(lambda value: 0 if value else 255), placed.box[:2])
    return ground, around


def parse_colour(text: str) -> tuple[int, int, int]:
    """Return (r, g, b) for ``#RRGGBB`` or a CSS colour name. Raises ``OptionError``."""
    try:
        return ImageColor.getrgb(text)[:3]  # type: ignore[return-value]
    except ValueError as error:
        raise OptionError(
            gettext("“%(text)s” is not a colour. Write #RRGGBB, for example #FFFFFF.") % {"text": text}
        ) from error
