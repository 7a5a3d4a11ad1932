"""Drift of the product between a source and its result: measured in an imaging process.

What is measured: ``colour`` (ΔE 2000, the third quartile and the 95th percentile of averaged cells), ``shape``
(stretch in percent, after the best similarity) and ``details`` (percent of the product whose structure is another, or
whose colour differs far more than that of the rest).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from product_imagery.exceptions import PictureError
from product_imagery.fidelity.align import Aligned, Place, Shown, View, align, find
from product_imagery.fidelity.arrays import Flags, Floats, flags, floats, sums
from product_imagery.fidelity.colours import difference, lab
from product_imagery.fidelity.judge import unmeasured
from product_imagery.fidelity.masks import is_opaque, narrower, product_mask, wider
from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.encode import on_white
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.scale import bounded

_LEAST = 48  #: pixels of its longest side, below which nothing is said
_CELL = 8  #: pixels along the side of a cell, over which colours are averaged
_RIM = 5  #: pixels along the contour in which the grounds are mixed in
_THIN = 0.2  #: share of the product that is left without its rim, below which the rim counts
_GREY = (128, 128, 128)
_ROOM = 0.1  #: around a picture on grey, as a share of its longest side
_STRUCTURE, _NOISE = 0.5, 12.0  #: likeness of a part that is kept; variance that is noise of compression
_CLEARED = ("white_background", "remove_background")  #: operations after which the ground is plain
_SURE = 0.9  #: share of a photo's edge that is ground, from which the ground is known
_WHOLE = ("upscale", "expand")  #: operations that keep the whole picture
_PAINTED = 20.0  #: ΔE beyond that of the whole, from which a cell shows something else
_CLEAR, _ALIKE = 40.0, 0.8  #: variance of clear structure; likeness of what is certainly the same
_FULL = 0.95  #: share of a cell that is product, from which its colour counts
_TYPICAL = 75  #: percentile of the colour differences: grey parts keep their colour under any hue
_SAME_PLACE = 0.9  #: share of it from which its shape is certain
_ENOUGH = 0.7  #: share of the middle that has to be alike in both, to be the same
_DOUBTFUL = {"colour": 3.0, "shape": 1.0, "details": 2.0}  #: most that is not measured again
_OTHER = 50.0  #: percent of other details from which the shape says nothing


@dataclass(frozen=True)
class _Scale:
    side: int  #: longest one of the pictures that are compared, in pixels
    product: int  #: longest side of the product in them
    coarse: int  #: pixels along the side of those in which the ground is told apart
    hole: int  #: half of those across a hole that is seen through


_QUICK, _THOROUGH = _Scale(448, 256, 2, 1), _Scale(640, 320, 1, 2)


@dataclass(frozen=True)
class Known:
    """Place of the product: its mask in the result, and the box of the source that the result shows, in shares."""

    mask: Image.Image
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class _Pair:
    """The product in the one picture, the other picture, and the place in it, if that is known: exactly, or about."""

    product: Shown
    other: View
    place: Place | None = None
    is_exact: bool = False


def measure(
    *,
    source: str,
    result: str,
    operation: str,
    limits: dict[str, int],
    bounds: dict[str, int],
    product: dict[str, Any],
) -> dict[str, Any]:
    """Return ``colour``, ``colour_95``, ``shape`` and ``details`` (see above), each a number or ``None``.

    ``result`` may be a small copy, and ``product`` that of ``provider_kit.outcomes.Picture``. ``reason`` is a
    code (``judge.REASONS``) if nothing was measured. ``limits`` are those of sources, ``bounds`` those of results.
    Raises ``PictureError`` if the result cannot be read.
    """
    made = _small(result, bounds)
    try:
        original = _small(source, limits)
    except PictureError:
        return unmeasured("source_unreadable")
    if not product:
        return drift(original, made, operation)
    with Image.open(product["mask"]) as mask:
        return drift(original, made, operation, Known(mask.convert("L"), *product["frame"]))


def drift(original: Image.Image, made: Image.Image, operation: str, known: Known | None = None) -> dict[str, Any]:
    """Return the measurement of two upright sRGB pictures: a thorough one where a quick one leaves doubts."""
    measured = _measured(original, made, operation, known, _QUICK)
    if all((measured[name] or 0) <= most for name, most in _DOUBTFUL.items()):
        return measured
    return _measured(original, made, operation, known, _THOROUGH)


def _measured(
    original: Image.Image, made: Image.Image, operation: str, known: Known | None, scale: _Scale
) -> dict[str, Any]:
    original, made = _at_most(original, scale.side), _at_most(made, scale.side)
    pairs = _known_pairs(original, made, known) if known else _pairs(original, made, operation, scale)
    if not pairs:
        return _of_middle(original, made, scale)
    measured = _of_product(pairs[0], scale)
    for pair in pairs[1:]:
        names = ("details",) if pair.is_exact else ("shape", "details")  # a place taken as it is tells no stretch
        if _doubt(measured, names) > 1:  # it may have been aligned by a wrong contour
            measured = min(measured, _of_product(pair, scale), key=partial(_doubt, names=names))
    if operation in (*_CLEARED, *_WHOLE) or (measured["details"] or 0) < _OTHER:
        return measured
    guessed = _of_middle(original, made, scale)  # another pose or light may hide the contour
    return measured if guessed["reason"] else guessed


def _doubt(measured: dict[str, Any], names: tuple[str, ...]) -> float:
    """Return how far one of these is beyond what is not measured again: 1 is just that."""
    return max((measured[name] or 0) / _DOUBTFUL[name] for name in names)


def _of_product(pair: _Pair, scale: _Scale) -> dict[str, Any]:
    place = pair.place or find(pair.product, pair.other.guide)
    if place is None:
        return {**unmeasured(""), "details": 100.0}
    side = _side(pair.product, place, scale)
    if side < _LEAST:
        return unmeasured("small")
    return _compared(align(pair.product, pair.other, place, side, is_exact=pair.is_exact))


def _of_middle(original: Image.Image, made: Image.Image, scale: _Scale) -> dict[str, Any]:
    """Compare the middle of the photo, where the product mostly is: colour and shape of what is alike."""
    width, height = original.size
    mask = Image.new("L", original.size)
    mask.paste(255, (round(0.3 * width), round(0.3 * height), round(0.7 * width), round(0.7 * height)))
    product, other = _part(original, mask), _view(made)
    place = find(product, other.guide)
    if place is None or _side(product, place, scale) < _LEAST:
        return unmeasured("ground")
    found = align(product, other, place, _side(product, place, scale))
    likeness, energy, area = _likeness(found, found.mask)
    alike = area * (likeness >= _STRUCTURE)
    if alike.sum() < _ENOUGH * area.sum():
        return unmeasured("ground")
    clear = alike * ((energy > _CLEAR) & (likeness >= _ALIKE))
    shape = 100 * found.stretch if alike.sum() >= _SAME_PLACE * area.sum() else None
    return {**_colours(_apart(found, clear), 50), "shape": shape, "details": None, "reason": ""}


def _side(product: Shown, place: Place, scale: _Scale) -> int:
    return min(scale.product, product.side, round(max(place[2] - place[0], place[3] - place[1])))


def _small(path: str, limits: dict[str, int]) -> Image.Image:
    return _at_most(open_picture(Path(path), Limits(**limits), enough=_THOROUGH.side).image, _THOROUGH.side)


def _at_most(image: Image.Image, side: int) -> Image.Image:
    if max(image.size) <= side:
        return image
    return image.resize(bounded(image.size, side), Image.Resampling.BICUBIC, reducing_gap=2.0)


def _known_pairs(original: Image.Image, made: Image.Image, known: Known) -> list[_Pair]:
    """Return the product aligned from the place that is said, and just there: little structure may lead astray."""
    product = _part(made, known.mask.resize(made.size, Image.Resampling.BOX).point(is_opaque))
    (width, height), (left, top, right, bottom) = made.size, product.box
    across, down = known.right - known.left, known.bottom - known.top
    place = (
        max(0.0, original.width * (known.left + across * left / width)),
        max(0.0, original.height * (known.top + down * top / height)),
        min(float(original.width), original.width * (known.left + across * right / width)),
        min(float(original.height), original.height * (known.top + down * bottom / height)),
    )
    return [_Pair(product, _view(original), place, is_exact) for is_exact in (False, True)]


def _pairs(original: Image.Image, made: Image.Image, operation: str, scale: _Scale) -> list[_Pair]:
    """Return what is compared, the surest first; nothing if the product cannot be told from the ground in either."""
    if operation == "upscale":
        return [_Pair(_part(made), _view(original), (0, 0, *original.size))]
    if operation == "expand":
        return [_Pair(_part(original), _view(made))]
    before = product_mask(original, scale.coarse, scale.hole, _SURE)
    after = product_mask(made, scale.coarse, scale.hole) if operation in _CLEARED else None
    if after:
        found = [_Pair(_part(made, after), _view(original))]
        # With both grounds known, they are made alike: then the contour is aligned as well.
        return [_Pair(_on_grey(made, after), _on_grey(original, before).view), *found] if before else found
    return [_Pair(_part(original, before), _view(made))] if before else []


def _part(image: Image.Image, mask: Image.Image | None = None) -> Shown:
    mask = mask or Image.new("L", image.size, 255)
    return Shown(_view(image), mask, mask)


def _on_grey(image: Image.Image, mask: Image.Image) -> Shown:
    """Return the product with room around, and on the same grey as others for its alignment."""
    room = round(_ROOM * max(image.size))
    size = (image.width + 2 * room, image.height + 2 * room)
    flat, guide, around = Image.new("RGB", size, _GREY), Image.new("RGB", size, _GREY), Image.new("L", size)
    flat.paste(_flat(image), (room, room))
    guide.paste(_flat(image), (room, room), mask)
    around.paste(mask, (room, room))
    return Shown(View(flat, guide), around, wider(around, 2))


def _view(image: Image.Image) -> View:
    flat = _flat(image)
    return View(flat, flat)


def _flat(image: Image.Image) -> Image.Image:
    return on_white(image) if image.mode == "RGBA" else image


def _compared(found: Aligned) -> dict[str, Any]:
    framed = ImageOps.expand(Image.fromarray(found.mask).convert("L"), _RIM)
    inner = flags(ImageOps.crop(narrower(framed, _RIM), _RIM))
    mask = inner if inner.sum() > _THIN * found.mask.sum() else found.mask
    likeness, _energy, area = _likeness(found, mask)
    apart = _apart(found, area)
    colours = _colours(apart, _TYPICAL)
    painted = apart > _PAINTED + (colours["colour"] or 0)
    lost = _opened(((likeness < _STRUCTURE) & (area > 0)) | painted)
    details = 100 * float((area * lost).sum() / max(area.sum(), 1))
    shape = 100 * found.stretch if details < _OTHER else None
    return {**colours, "shape": shape, "details": details, "reason": ""}


def _opened(cells: Flags) -> Flags:
    """Return the cells that are part of a full square of 2×2: a single row along the contour is none."""
    square = cells[:-1, :-1] & cells[1:, :-1] & cells[:-1, 1:] & cells[1:, 1:]
    framed = np.pad(square, 1)
    return np.asarray(framed[:-1, :-1] | framed[1:, :-1] | framed[:-1, 1:] | framed[1:, 1:])


def _apart(found: Aligned, area: Floats) -> Floats:
    """Return ΔE 2000 of the averages of cells; -1 in those that are not nearly full of product."""
    first, second = (sums(floats(one), _CELL) / _CELL**2 for one in (found.product, found.other))
    return np.where(area >= _FULL * _CELL**2, difference(lab(first), lab(second)), -1)


def _colours(apart: Floats, typical: int) -> dict[str, float | None]:
    """Return the percentiles of colour differences."""
    known = apart[apart >= 0]
    if not known.size:
        return {"colour": None, "colour_95": None}
    colour, most = np.percentile(known, (typical, 95))
    return {"colour": float(colour), "colour_95": float(most)}


def _likeness(found: Aligned, inner: Flags) -> tuple[Floats, Floats, Floats]:
    """Return for each cell the likeness of the structure around it, from -1 to 1, its energy, and the area."""
    mask = inner.astype(np.float32)
    a, b = (_structure(one, mask) for one in (found.product, found.other))
    area = sums(mask, _CELL)
    number = _around(area) + 1e-6
    mean_a, mean_b = (_around(sums(one, _CELL)) / number for one in (a, b))
    of_a, of_b = (
        np.maximum(_around(sums(one**2, _CELL)) / number - mean**2, 0) for one, mean in ((a, mean_a), (b, mean_b))
    )
    both = _around(sums(a * b, _CELL)) / number - mean_a * mean_b
    return (2 * both + _NOISE) / (of_a + of_b + _NOISE), np.minimum(of_a, of_b), area


def _structure(image: Image.Image, mask: Floats) -> Floats:
    """Return the brightness without its slow changes, inside the mask."""
    grey = image.convert("L")
    wide = ImageFilter.GaussianBlur(_CELL)
    around = floats(Image.fromarray((mask * 255).astype(np.uint8)).filter(wide)) / 255 + 1e-3
    level = floats(Image.fromarray((floats(grey) * mask).astype(np.uint8)).filter(wide)) / around
    return (floats(grey.filter(ImageFilter.GaussianBlur(1))) - level) * mask


def _around(cells: Floats) -> Floats:
    rows, columns = cells.shape
    framed = np.pad(cells, 1)
    return np.asarray(sum(framed[y : y + rows, x : x + columns] for y in range(3) for x in range(3)))
