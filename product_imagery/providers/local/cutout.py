"""Find the product in a picture and cut it out, with an honest word on how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from product_imagery.exceptions import PictureError
from product_imagery.providers.local.arrays import Box, Floats
from product_imagery.providers.local.edges import refine
from product_imagery.providers.local.inference import ModelSpec, saliency

_SEEN = 0.3  #: saliency from which a pixel belongs to the product's box
_MARGIN = 0.12  #: of the box, added on each side before the second look
_BLACK, _WHITE = 40, 215  #: levels on the 8-bit matte, after enlarging it


@dataclass(frozen=True)
class Cutout:
    """A product with its matte: RGB ``image`` and ``L`` ``alpha`` of one size, and where it touches the source's frame.

    ``confidence`` is 0…1; ``warnings`` are codes, explained by ``LocalEngine.warning_texts``.
    """

    image: Image.Image
    alpha: Image.Image
    confidence: float = 1.0
    warnings: list[str] = field(default_factory=list)

    def picture(self) -> Image.Image:
        """Return it as ``RGBA``. What is wholly transparent is black: it tells nothing of the old background."""
        shown = self.alpha.point(lambda value: 255 if value else 0)
        image = Image.composite(self.image, Image.new("RGB", self.image.size), shown)
        image.putalpha(self.alpha)
        return image

    def trimmed(self) -> Cutout:
        """Return the same cut to the box of its visible pixels. Raises ``PictureError`` when there are none."""
        box = self.alpha.point(lambda value: 255 if value >= 8 else 0).getbbox()
        if box is None:
            raise _nothing_found()
        return Cutout(self.image.crop(box), self.alpha.crop(box), self.confidence, self.warnings)


def cut_out(picture: Image.Image, spec: ModelSpec) -> Cutout:
    """Cut the product out of an ``RGB`` or ``RGBA`` picture. A picture that is already cut out keeps its matte.

    Works in place: the colours of ``picture`` are cleaned along the product's edge.

    Raises ``PictureError`` (``nothing_found``) when no product can be made out, ``ModelMissing`` without the model.
    """
    if picture.mode == "RGBA":
        alpha = picture.getchannel("A")
        if _is_a_matte(alpha):
            return Cutout(picture.convert("RGB"), alpha)
        picture = picture.convert("RGB")
    first = saliency(picture, spec)
    box = _box_with_margin(first, picture.size)
    crop = picture.crop(box)
    second = saliency(crop, spec)
    matte = _levels(second, crop.size)
    image, alpha = refine(crop, matte)
    whole = Image.new("L", picture.size)
    whole.paste(alpha, box[:2])
    picture.paste(image, box[:2])
    confidence, warnings = _judge((first, second), box, crop, alpha, picture.size)
    return Cutout(picture, whole, confidence, warnings)


def _is_a_matte(alpha: Image.Image) -> bool:
    """True where a real part of the frame is see-through: one stray pixel does not make a cut-out."""
    histogram = alpha.histogram()
    return sum(histogram[:128]) >= 0.02 * sum(histogram)


def _box_with_margin(found: Floats, size: tuple[int, int]) -> Box:
    rows, columns = np.nonzero(found > _SEEN)
    if len(rows) < 12:
        raise _nothing_found()
    x, y = size[0] / found.shape[1], size[1] / found.shape[0]
    left, right = columns.min() * x, (columns.max() + 1) * x
    top, bottom = rows.min() * y, (rows.max() + 1) * y
    wide, high = (right - left) * _MARGIN + 8, (bottom - top) * _MARGIN + 8
    return (
        int(max(0, left - wide)),
        int(max(0, top - high)),
        int(min(size[0], right + wide)),
        int(min(size[1], bottom + high)),
    )


def _levels(found: Floats, size: tuple[int, int]) -> Image.Image:
    """Enlarge first, then stretch the levels: the other way round leaves staircases."""
    coarse = Image.fromarray(np.rint(found * 255).astype(np.uint8))
    table = [round(255 * min(1.0, max(0.0, (value - _BLACK) / (_WHITE - _BLACK)))) for value in range(256)]
    return coarse.resize(size, Image.Resampling.BICUBIC).point(table)


def _judge(
    looks: tuple[Floats, Floats], box: Box, crop: Image.Image, alpha: Image.Image, size: tuple[int, int]
) -> tuple[float, list[str]]:
    """Confidence from independent signs, and the codes of what a reviewer should look at.

    The bounds were set on real photos so that white on white, black on black, fur and thin stems are named.
    """
    matte = np.asarray(alpha)
    soft = float(((matte > 20) & (matte < 235)).sum() / max(1, (matte >= 235).sum()))
    agreement = _agreement(*looks, box, size)
    contrast = _edge_contrast(crop, alpha)
    signs = {
        "soft_matte": soft > 0.14,
        "unsure_what_the_product_is": agreement < 0.92,
        "low_contrast": contrast < 25,
    }
    warnings = [code for code, seen in signs.items() if seen] + _frame_warnings(alpha, box, size)
    certain = (1 - min(0.5, soft), agreement, min(1.0, 0.5 + contrast / 50))
    return round(float(np.prod(certain)), 3), warnings


def _frame_warnings(alpha: Image.Image, box: Box, size: tuple[int, int]) -> list[str]:
    matte = np.asarray(alpha)
    touching = [
        box[0] == 0 and (matte[:, 0] > 128).mean(),
        box[1] == 0 and (matte[0] > 128).mean(),
        box[2] == size[0] and (matte[:, -1] > 128).mean(),
        box[3] == size[1] and (matte[-1] > 128).mean(),
    ]
    warnings = ["touches_the_frame"] if max(touching) > 0.01 else []
    if (matte > 128).sum() < 0.02 * size[0] * size[1]:
        warnings.append("very_small_product")
    return warnings


def _agreement(first: Floats, second: Floats, box: Box, size: tuple[int, int]) -> float:
    """Intersection over union of the two looks, on the grid of the second."""
    x, y = first.shape[1] / size[0], first.shape[0] / size[1]
    region = (box[0] * x, box[1] * y, box[2] * x, box[3] * y)
    look = np.asarray(Image.fromarray(first).resize(second.shape[::-1], Image.Resampling.BILINEAR, box=region)) > 0.5
    again = second > 0.5
    return float((look & again).sum() / max(1, (look | again).sum()))


def _edge_contrast(crop: Image.Image, alpha: Image.Image) -> float:
    """Median distance (0…255, largest channel) between the colours just inside and just outside the edge."""
    size = (160, 160)
    colour = np.asarray(crop.resize(size, Image.Resampling.BOX, reducing_gap=2.0), np.float32)
    matte = np.asarray(alpha.resize(size, Image.Resampling.BOX, reducing_gap=2.0), np.float32)
    steps = []
    for dy, dx in ((0, 3), (3, 0)):
        here, there = matte[dy:, dx:], matte[: size[1] - dy, : size[0] - dx]
        across = np.abs(here - there) > 200
        distance = np.abs(colour[dy:, dx:] - colour[: size[1] - dy, : size[0] - dx]).max(axis=-1)
        steps.append(distance[across])
    values = np.concatenate(steps)
    return float(np.median(values)) if len(values) else 0.0


def _nothing_found() -> PictureError:
    sentence = "No product could be made out in this picture. Try a photo with the product larger and well lit."
    return PictureError(sentence, code="nothing_found")
