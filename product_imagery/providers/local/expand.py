"""Expansion to another ratio: the source is kept pixel for pixel, and its background is continued."""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from product_imagery.imaging.scale import bounded
from product_imagery.providers.local.arrays import Box, Bytes
from product_imagery.providers.local.cutout import Cutout

_PLAIN = 7.0  #: standard deviation (0…255) up to which a border counts as plain
_PATCH_SIDE = 384  #: patch-match takes 9 s at this longest side and 20 s at 512


def expanded_size(size: tuple[int, int], ratio: float) -> tuple[int, int]:
    """Return the smallest frame of ``ratio`` (width / height) that holds ``size`` unscaled."""
    return max(size[0], round(size[1] * ratio)), max(size[1], round(size[0] / ratio))


def expand(picture: Image.Image, size: tuple[int, int], product: Cutout | None) -> tuple[Image.Image, str]:
    """Centre an RGB ``picture`` in a frame of ``size``, continue its background, and return it with the method.

    ``plain`` continues the colour of each edge. ``patch`` fills by patch-match (the ``expand`` extra). ``mirror``
    reflects the background between edge and product, so that no second product appears.
    """
    left, top = (size[0] - picture.width) // 2, (size[1] - picture.height) // 2
    if is_plain(picture, left > 0, top > 0):
        result, method = _continue_edges(picture, size, left, top), "plain"
    elif importlib.util.find_spec("patchmatch") is not None:
        result, method = _by_patches(picture, size, left, top, product), "patch"
    else:
        result, method = _by_mirror(picture, size, left, top, product), "mirror"
    result.paste(picture, (left, top))
    return result, method


def pad(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Centre a cut-out in a larger transparent frame."""
    frame = Image.new("RGBA", size)
    frame.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return frame


def is_plain(picture: Image.Image, sides: bool, ends: bool) -> bool:
    """Return whether all edges that grow, left and right or top and bottom, are of one smooth colour each."""
    pixels = np.asarray(picture)
    strips = [pixels[:, :4], pixels[:, -4:]] if sides else []
    strips += [pixels[:4], pixels[-4:]] if ends else []
    return all(float(strip.reshape(-1, 3).std(axis=0).max()) <= _PLAIN for strip in strips)


def _continue_edges(picture: Image.Image, size: tuple[int, int], left: int, top: int) -> Image.Image:
    """Repeat the edges and blur the added part, so that noise does not become streaks."""
    rows = np.clip(np.arange(size[1]) - top, 0, picture.height - 1)
    columns = np.clip(np.arange(size[0]) - left, 0, picture.width - 1)
    grown = Image.fromarray(np.asarray(picture)[rows[:, None], columns])
    return grown.filter(ImageFilter.BoxBlur(max(2, max(size) // 100)))


def _by_mirror(picture: Image.Image, size: tuple[int, int], left: int, top: int, product: Cutout | None) -> Image.Image:
    box = product_box(picture, product)
    columns = _mirrored(size[0], left, picture.width, box[0], picture.width - box[2])
    rows = _mirrored(size[1], top, picture.height, box[1], picture.height - box[3])
    grown = Image.fromarray(np.asarray(picture)[rows[:, None], columns])
    # Blur what is mirrored more than once, to hide the repetition; the rest keeps the sharpness and grain of the photo.
    blurred = grown.filter(ImageFilter.GaussianBlur(max(size) / 120))
    return Image.composite(blurred, grown, _repetition_mask(size, picture.size, (left, top), box))


def _mirrored(length: int, before: int, inner: int, near: int, far: int) -> NDArray[np.intp]:
    """Return the source index of each target index along one axis: a triangle wave over the free background."""
    index = np.arange(length) - before

    def wave(distance: NDArray[np.intp], reach: int) -> NDArray[np.intp]:
        period = max(1, 2 * reach - 2)
        folded = distance % period
        return np.asarray(np.minimum(folded, period - folded), np.intp)

    low = wave(-index, max(2, near))
    high = inner - 1 - wave(index - inner + 1, max(2, far))
    return np.asarray(np.where(index < 0, low, np.where(index >= inner, high, index)), np.intp)


def _repetition_mask(size: tuple[int, int], inner: tuple[int, int], at: tuple[int, int], box: Box) -> Image.Image:
    """Return an ``L`` mask: 0 where background is mirrored once, rising to 255 within a 25th of the frame beyond."""

    def along(length: int, before: int, within: int, near: int, far: int) -> Bytes:
        index = np.arange(length)
        outside = np.maximum(before - near - index, index - (before + within - 1 + far)).clip(0)
        return np.asarray(np.clip(outside / max(1, max(size) / 25), 0, 1) * 255).astype(np.uint8)

    columns = along(size[0], at[0], inner[0], box[0], inner[0] - box[2])
    rows = along(size[1], at[1], inner[1], box[1], inner[1] - box[3])
    return Image.fromarray(np.maximum(columns[None, :], rows[:, None]))


def product_box(picture: Image.Image, product: Cutout | None) -> Box:
    """Return the box of the product; the middle of the picture without one."""
    found = product.alpha.point(lambda value: 255 if value > 20 else 0).getbbox() if product else None
    return found or (picture.width // 2, picture.height // 2, picture.width // 2, picture.height // 2)


def _by_patches(
    picture: Image.Image, size: tuple[int, int], left: int, top: int, product: Cutout | None
) -> Image.Image:
    from patchmatch import patch_match  # noqa: PLC0415  the ``expand`` extra

    small = bounded(size, _PATCH_SIDE)
    frame, hole, forbidden = Image.new("RGB", size), Image.new("L", size, 255), Image.new("L", size)
    frame.paste(picture, (left, top))
    hole.paste(0, (left, top, left + picture.width, top + picture.height))
    if product is not None:
        wide = product.alpha.point(lambda value: 255 if value > 20 else 0)
        forbidden.paste(wide, (left, top))
    pixels: Bytes = np.asarray(frame.resize(small, Image.Resampling.BOX))
    holes = np.asarray(hole.resize(small, Image.Resampling.BOX)) > 0
    product_there = np.asarray(forbidden.filter(ImageFilter.MaxFilter(9)).resize(small, Image.Resampling.BOX)) > 0
    filled = patch_match.inpaint(
        pixels.copy(),
        holes[..., None].astype(np.uint8),
        global_mask=(product_there & ~holes)[..., None].astype(np.uint8),
        patch_size=5,
    )
    return Image.fromarray(np.asarray(filled, np.uint8)).resize(size, Image.Resampling.BICUBIC)
