"""Size limits of results that grow with their source, checked before anything is sent."""

from __future__ import annotations

from pathlib import Path

from product_imagery.exceptions import PictureError
from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.limits import Limits
from product_imagery.texts import gettext

CODE = "result_too_large"


def grows_too_large(size: tuple[int, int], growth: float, limits: dict[str, int]) -> bool:
    """Return whether a result would exceed ``limits``.

    ``growth`` is the factor by which each side of ``size`` (width, height) grows.
    """
    width, height = (round(side * growth) for side in size)
    return width * height > limits["max_pixels"] or max(width, height) > limits["max_side"]


def check_growth(size: tuple[int, int], growth: float, limits: dict[str, int]) -> None:
    """Raise ``PictureError`` for a source whose result would be refused as too large."""
    if grows_too_large(size, growth, limits):
        raise PictureError(too_large(limits, gettext("Nothing was sent or spent.")), code=CODE)


def too_large(limits: dict[str, int], spent: str) -> str:
    """Return the error message; the sentence ``spent`` says whether money was spent."""
    return gettext(
        "The result would have more than %(megapixels).0f megapixels or %(side)s pixels on a side, so it could not be "
        "accepted. %(spent)s Choose a smaller enlargement, take a smaller photo, or raise RESULT_PIXELS "
        "(MAX_PIXELS for this machine)."
    ) % {"megapixels": limits["max_pixels"] / 1e6, "side": limits["max_side"], "spent": spent}


def check_source(*, source: str, growth: float, most: dict[str, int], limits: dict[str, int]) -> None:
    """Check a source that the provider fetches itself, as ``check_growth`` does; ``most`` are the limits of results.

    Runs in the imaging process. Raises ``PictureError``.
    """
    check_growth(open_picture(Path(source), Limits(**limits)).image.size, growth, most)
