"""Fusion of two looks of the model at a product: the whole picture, and the product's box.

The second look is sharper. What only the first look is sure of stays, if its colour differs from the ground's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from product_imagery.providers.local.arrays import Floats, Mask, box_mean
from product_imagery.providers.local.islands import components, grow, opened, touched

_SURE, _HALF, _GROUND = 0.8, 0.5, 0.1  #: saliency of what belongs to the product, of its edge, and of the ground
_OPENING = 2  #: cells on each side of the middle of a part that is judged as a whole
_PART = 0.015  #: share of the product's area from which a part is judged as a whole
_DIFFERENT = 30  #: distance (0…255, largest channel) between the colours of a part and of the ground
_NOISE = 2.5  #: the same in standard deviations of the ground
_THIN, _THICK = 12, 4  #: cells of the smallest thin part, and on each side of the middle of what is not thin
_AROUND = 25  #: cells up to which the ground is averaged, twice
_GROWTH = 4  #: cells around a part that the second look missed


@dataclass(frozen=True)
class Fused:
    """A map of the product's box, 0…1, and shares of the product's area.

    ``agreement`` is the intersection over union of the looks. ``rescued`` is what only the first look found.
    """

    look: Floats
    agreement: float
    rescued: float


def fuse(picture: Image.Image, first: Floats, second: Floats) -> Fused:
    """Return the ``second`` look at a product's box, with the parts that only the ``first`` one saw.

    ``picture`` and the looks are those of the box, on one grid.
    """
    found = second > _HALF
    lost = (first > _HALF) & ~found
    away = distance_to_ground(picture, (first < _GROUND) & (second < _GROUND))
    whole = _masses(lost & (first > _SURE), away, (first > _SURE).sum())
    thin = _thin_parts(lost & _stands_out(away) & ~grow(found, 3), first > _SURE)
    rescued = whole | thin
    union = max(1, int(((first > _HALF) | found).sum()))
    agreement = int(((first > _HALF) & found).sum()) / union
    look = _paste(second, first, whole, _GROWTH)
    look = _paste(look, np.minimum(first, np.clip(2 * away - 1, 0, 1)), thin, 2)
    return Fused(look, agreement, float(rescued.sum() / max(1, int((found | rescued).sum()))))


def distance_to_ground(picture: Image.Image, ground: Mask) -> Floats:
    """Return the distance of each colour from the ground nearby; above 1 a colour is none of the ground's.

    The ground nearby is averaged over the pixels of ``ground``.
    """
    colour = np.asarray(picture, np.float32).transpose(2, 0, 1)
    if not ground.any():
        return np.zeros(ground.shape, np.float32)
    middle = colour[:, ground].mean(axis=1)[:, None, None]
    weight = ground[None].astype(np.float32)
    planes = np.concatenate([weight, weight * (colour - middle), weight * (colour - middle) ** 2])
    sums = box_mean(box_mean(planes, _AROUND), _AROUND)
    share = np.maximum(sums[0], 1e-4)
    mean = sums[1:4] / share
    noise = np.sqrt(np.maximum(sums[4:7] / share - mean**2, 0))
    bound = np.maximum(_DIFFERENT, _NOISE * noise)
    return np.asarray((np.abs(colour - middle - mean) / bound).max(axis=0), np.float32)


def _masses(lost: Mask, away: Floats, product: int) -> Mask:
    """Return the parts of ``lost`` that are large, and mostly of other colours than the ground."""
    labels = components(opened(lost, _OPENING))
    kept = np.zeros(labels.shape, bool)
    for number in range(1, int(labels.max(initial=0)) + 1):
        part = labels == number
        if part.sum() > _PART * product and np.median(away[part]) > 1:
            kept |= part
    return kept


def _stands_out(away: Floats) -> Mask:
    """Return where a thin part differs from the ground, and from what is on both sides of it, such as a shadow."""
    levels = Image.fromarray(np.rint(np.clip(away, 0, 4) * 63).astype(np.uint8))
    width = 2 * _THICK + 1
    sides = np.asarray(levels.filter(ImageFilter.MinFilter(width)).filter(ImageFilter.MaxFilter(width)), np.float32)
    return np.asarray((away > 1) & (np.minimum(away, 4) - sides / 63 > _HALF))


def _thin_parts(lost: Mask, sure: Mask) -> Mask:
    """Return the thin parts of ``lost``, such as legs and cords: several cells, and at least one sure one."""
    kept = touched(lost, lost & sure)
    labels = components(kept)
    return np.asarray(kept & (np.bincount(labels.ravel())[labels] >= _THIN))


def _paste(look: Floats, other: Floats, part: Mask, growth: int) -> Floats:
    """Return ``look``, and the larger of both maps around ``part``, with a soft transition."""
    if not part.any():
        return look
    wide = Image.fromarray(grow(part, growth).astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(growth / 2))
    weight = np.asarray(wide, np.float32) / 255
    return np.asarray(look + weight * np.maximum(other - look, 0), np.float32)
