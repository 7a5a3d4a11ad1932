"""Cut the product out of a picture, with a measure of confidence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image, ImageChops

from product_imagery.exceptions import PictureError
from product_imagery.providers.local.arrays import Box, Floats
from product_imagery.providers.local.completeness import excess
from product_imagery.providers.local.edges import refine
from product_imagery.providers.local.ground import complete, plain_ground
from product_imagery.providers.local.inference import ModelSpec, saliency
from product_imagery.providers.local.looks import fuse
from product_imagery.providers.local.sides import touched_sides
from product_imagery.providers.local.transparency import kept_matte, visible_box, visible_part
from product_imagery.texts import gettext

_SEEN = 0.3  #: saliency above which a pixel belongs to the product's box
_MARGIN = 0.12  #: share of the box, added on each side for the second look
_LARGE = 0.5  #: share of the frame above which a second look does not improve the product's box …
_HAZE, _HAZY = 0.15, 0.05  #: … unless more than _HAZY of the first map is uncertain, at least _HAZE away from 0 and 1
_NOTHING = 5  #: haze above which a picture is empty: empty ones have more than 8, photos of products less than 1
_GROUND_INSIDE = 0.35  #: share of the product that may have the ground's colours
_SKIN = 0.03  #: share of the product that may have the colour of skin and come in from the photo's edge
_SMALL = 0.02  #: share of the photo below which a product is very small
_BLACK, _WHITE = 40, 215  #: levels of the enlarged 8-bit matte that become 0 and 255


@dataclass(frozen=True)
class Cutout:
    """A product with its matte: RGB ``image`` and ``L`` ``alpha`` of the same size.

    ``confidence`` is 0…1; ``warnings`` are codes, explained by ``LocalEngine.warning_texts``. ``origin`` is the pixel
    of the photo at which the image begins. ``signs`` are measured on the way: ``agreement`` of the two looks, share
    ``rescued`` from the first one, share ``lost`` by both and added by what a plain ground does not explain, ``soft``
    pixels relative to solid ones, ``contrast`` across the edge (0…255), and those of ``completeness.excess``.
    """

    image: Image.Image
    alpha: Image.Image
    confidence: float = 1.0
    warnings: list[str] = field(default_factory=list)
    signs: dict[str, float] = field(default_factory=dict)
    origin: tuple[int, int] = (0, 0)

    def picture(self) -> Image.Image:
        """Return the product as ``RGBA``. Transparent pixels are black, without traces of the background."""
        picture = Image.new("RGBA", self.image.size)
        picture.paste(self.image, mask=self.alpha.point(lambda value: 255 if value else 0))
        picture.putalpha(self.alpha)
        return picture

    def trimmed(self) -> Cutout:
        """Return the product cropped to its visible pixels. Raises ``PictureError`` if there are none."""
        box = self.alpha.point(lambda value: 255 if value >= 8 else 0).getbbox()
        if box is None:
            raise _nothing_found()
        return self.cropped(box)

    def cropped(self, box: Box) -> Cutout:
        """Return what is in the box."""
        origin = (self.origin[0] + box[0], self.origin[1] + box[1])
        return replace(self, image=self.image.crop(box), alpha=self.alpha.crop(box), origin=origin)


def cut_out(picture: Image.Image, spec: ModelSpec) -> Cutout:
    """Cut the product out of an ``RGB`` or ``RGBA`` picture. A picture that is a cut-out already keeps its matte.

    A photo with transparent bars or corners, or in a round frame, is not a cut-out: the product is searched in its
    visible part.

    Works in place: the colours of ``picture`` are cleaned along the product's edge.

    Raises ``PictureError`` (``nothing_found``) if no product is found, ``ModelMissing`` without the model.
    """
    if picture.mode == "RGBA":
        kept = kept_matte(picture, spec)
        return Cutout(picture.convert("RGB"), picture.getchannel("A"), *kept) if kept else _cut_visible(picture, spec)
    frame = (0, 0, *picture.size)
    look = saliency(picture, spec, frame)
    if _is_all_haze(look):
        raise _nothing_found()
    box = _box_with_margin(look, picture.size)
    signs = {"agreement": 1.0, "rescued": 0.0, "lost": 0.0}
    if _deserves_a_second_look(look, box, picture.size):
        again = saliency(picture, spec, box)
        grid = (again.shape[1], again.shape[0])
        small = picture.resize(grid, Image.Resampling.BOX, box=box, reducing_gap=2.0)
        coarse = Image.fromarray(look).resize(grid, Image.Resampling.BILINEAR, box=_on_map(box, frame, look))
        fused = fuse(small, np.asarray(coarse), again)
        signs |= {"agreement": fused.agreement, "rescued": fused.rescued}
        matte = _levels(fused.look, box, box)
    else:
        matte = _levels(look, frame, box)
    ground = plain_ground(picture)
    if ground:
        box, matte, signs["lost"] = complete(ground, box, matte, picture.size)
    signs["contrast"] = _edge_contrast(picture, box, matte)
    refine(picture, box, matte)
    signs["soft"] = _softness(matte)
    alpha = Image.new("L", picture.size)
    alpha.paste(matte, box[:2])
    signs |= excess(picture, alpha, look)
    confidence, warnings = _judge(signs, alpha)
    return Cutout(picture, alpha, confidence, warnings, signs)


def _deserves_a_second_look(look: Floats, box: Box, size: tuple[int, int]) -> bool:
    """Return whether to run the model again on the product alone: it is small in the frame, or the first map is hazy.

    By ``tests.benchmarks.mattes``, other pictures come out as well with one run, in half the time.
    """
    area = (box[2] - box[0]) * (box[3] - box[1])
    return bool(area < _LARGE * size[0] * size[1] or _haze(look) > _HAZY)


def _haze(look: Floats) -> float:
    """Return the uncertain pixels of a map, relative to those that are certainly product."""
    return float(((look > _HAZE) & (look < 1 - _HAZE)).sum() / max(1, (look >= 1 - _HAZE).sum()))


def _is_all_haze(look: Floats) -> bool:
    """Return whether the model found nothing: scaling turns the map of an empty picture into pale clouds."""
    return _haze(look) > _NOTHING


def _cut_visible(picture: Image.Image, spec: ModelSpec) -> Cutout:
    """Cut the product out of the visible part of a photo. Transparent pixels stay transparent."""
    alpha = picture.getchannel("A")
    box = visible_box(alpha)
    cut = cut_out(visible_part(picture), spec)
    image, matte = Image.new("RGB", picture.size), Image.new("L", picture.size)
    image.paste(cut.image, box[:2])
    matte.paste(ImageChops.darker(cut.alpha, alpha.crop(box)), box[:2])
    return replace(cut, image=image, alpha=matte)


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


def _levels(found: Floats, region: Box, box: Box) -> Image.Image:
    """Return the ``L`` matte of ``box`` from a map of ``region``, both in pixels of the picture.

    The map is enlarged before its levels are stretched, because the other order leaves staircases.
    """
    coarse = Image.fromarray(np.rint(found * 255).astype(np.uint8))
    table = [round(255 * min(1.0, max(0.0, (value - _BLACK) / (_WHITE - _BLACK)))) for value in range(256)]
    size = (box[2] - box[0], box[3] - box[1])
    return coarse.resize(size, Image.Resampling.BICUBIC, box=_on_map(box, region, found)).point(table)


def _on_map(box: Box, region: Box, found: Floats) -> tuple[float, float, float, float]:
    """Return the position of ``box`` on a map of ``region``."""
    x, y = found.shape[1] / (region[2] - region[0]), found.shape[0] / (region[3] - region[1])
    left, top, right, bottom = box
    return (
        (left - region[0]) * x,
        (top - region[1]) * y,
        min(found.shape[1], (right - region[0]) * x),
        min(found.shape[0], (bottom - region[1]) * y),
    )


def _softness(matte: Image.Image) -> float:
    """Return the uncertain pixels of a matte, relative to those that are certainly product."""
    levels = np.array(matte.histogram())
    return float(levels[21:235].sum() / max(1, levels[235:].sum()))


def _judge(signs: dict[str, float], alpha: Image.Image) -> tuple[float, list[str]]:
    """Return the confidence, from independent signs, and codes of warnings for a reviewer.

    The bounds were set with real photos, so that white on white, black on black, fur and thin stems get a warning.
    """
    seen = {
        "soft_matte": signs["soft"] > 0.14,
        "unsure_what_the_product_is": signs["agreement"] < 0.92 or signs["like_ground"] > _GROUND_INSIDE,
        "low_contrast": signs["contrast"] < 25,
        "perhaps_a_person": signs["skin"] > _SKIN,
    }
    warnings = [code for code, doubtful in seen.items() if doubtful] + _frame_warnings(alpha)
    certain = (
        1 - min(0.5, signs["soft"]),
        signs["agreement"],
        min(1.0, 0.5 + signs["contrast"] / 50),
        1 - max(0.0, signs["like_ground"] - _GROUND_INSIDE),
        1 - min(0.5, max(0.0, signs["skin"] - _SKIN)),
    )
    return round(float(np.prod(certain)), 3), warnings


def _frame_warnings(alpha: Image.Image) -> list[str]:
    warnings = ["touches_the_frame"] if any(touched_sides(alpha)) else []
    if sum(alpha.histogram()[129:]) < _SMALL * alpha.width * alpha.height:
        warnings.append("very_small_product")
    return warnings


def _edge_contrast(picture: Image.Image, box: Box, matte_of_box: Image.Image) -> float:
    """Return the median distance (0…255, largest channel) of the colours just inside and outside of the edge."""
    size = (160, 160)
    colour = np.asarray(picture.resize(size, Image.Resampling.BOX, box=box, reducing_gap=2.0), np.float32)
    matte = np.asarray(matte_of_box.resize(size, Image.Resampling.BOX, reducing_gap=2.0), np.float32)
    steps = []
    for dy, dx in ((0, 3), (3, 0)):
        here, there = matte[dy:, dx:], matte[: size[1] - dy, : size[0] - dx]
        across = np.abs(here - there) > 200
        distance = np.abs(colour[dy:, dx:] - colour[: size[1] - dy, : size[0] - dx]).max(axis=-1)
        steps.append(distance[across])
    values = np.concatenate(steps)
    return float(np.median(values)) if len(values) else 0.0


def _nothing_found() -> PictureError:
    sentence = gettext("No product was found in this picture. Try a photo that shows the product larger and well lit.")
    return PictureError(sentence, code="nothing_found")
