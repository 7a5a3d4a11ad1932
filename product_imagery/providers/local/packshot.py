"""Packshots: paint the product, already placed in its frame, on a plain background."""

from __future__ import annotations

from PIL import Image, ImageColor

from product_imagery.exceptions import OptionError
from product_imagery.imaging.visible import seen_box
from product_imagery.providers.local.contact import parts
from product_imagery.providers.local.cutout import Cutout
from product_imagery.providers.local.frame import Placed
from product_imagery.providers.local.shadow import contact_shadow, darken
from product_imagery.texts import gettext

_HAZE = 8  #: lower alpha counts as 0, because it would leave off-white pixels on white
_CLEARLY = 16  #: levels by which a pixel differs from the ground if it is still seen after scaling and compression
_WIDEST_HAZE = 0.03  #: share of the cut-out's side
_TYPICAL = 1000  #: longest side in pixels of a result whose size is not given


def packshot(
    placed: Placed, *, background: tuple[int, int, int], shadow: bool
) -> tuple[Image.Image, Image.Image, Image.Image]:
    """Return an RGB picture of the placed product on ``background``, what is behind it, and the mask of that ground.

    ``shadow`` adds a soft contact shadow, unless the product is cut off below. The mask is ``L``, 255 where the product
    is not.
    """
    ground = Image.new("RGB", placed.size, background)
    if shadow and placed.stands:
        ground = darken(ground, contact_shadow(placed, parts(placed.product.getchannel("A")), 0.5))
    behind = ground.crop(placed.box)
    clear = placed.product.getchannel("A").point(lambda value: value if value >= _HAZE else 0)
    ground.paste(placed.product, placed.box[:2], clear)
    around = Image.new("L", placed.size, 255)
    around.paste(clear.point(lambda value: 0 if value else 255), placed.box[:2])
    return ground, behind, around


def trimmed_to_seen(cut: Cutout, background: tuple[int, int, int], longest: int) -> Cutout:
    """Return the trimmed cut-out without haze along its sides that would not be seen on ``background``.

    What is seen is found at about the size of the result, ``longest`` pixels. A side stays where more than haze would
    go, as with a white product on white.
    """
    width, height = cut.image.size
    step = max(1, max(width, height) // (longest or _TYPICAL))
    image, alpha = cut.image.reduce(step), cut.alpha.reduce(step)
    laid = Image.new("RGB", image.size, background)
    laid.paste(image, mask=alpha)
    left, top, right, bottom = (step * edge for edge in seen_box(laid, background, _CLEARLY) or (0, 0, *image.size))
    across, down = _WIDEST_HAZE * width, _WIDEST_HAZE * height
    box = (
        left if left <= across else 0,
        top if top <= down else 0,
        min(right, width) if right >= width - across else width,
        min(bottom, height) if bottom >= height - down else height,
    )
    return cut.cropped(box)


def seen_share(picture: Image.Image, placed: Placed, behind: Image.Image) -> float:
    """Return the share of the frame, 0…1 on the tighter side, that is seen of a product placed in a written picture."""
    box = seen_box(picture.crop(placed.box), behind) or (0, 0, 0, 0)
    return max((box[2] - box[0]) / picture.width, (box[3] - box[1]) / picture.height)


def parse_colour(text: str) -> tuple[int, int, int]:
    """Return (r, g, b) for ``#RRGGBB`` or a CSS colour name. Raises ``OptionError``."""
    try:
        return ImageColor.getrgb(text)[:3]  # type: ignore[return-value]
    except ValueError as error:
        raise OptionError(
            gettext("“%(text)s” is not a colour. Write #RRGGBB, for example #FFFFFF.") % {"text": text}
        ) from error
