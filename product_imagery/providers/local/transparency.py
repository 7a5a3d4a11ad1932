"""Classification of pictures with transparency: a cut-out, or a photo in a frame of any shape."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from product_imagery.providers.local.arrays import Box, Floats
from product_imagery.providers.local.inference import ModelSpec, saliency

_OPAQUE = 128
_HARDLY = 0.02  #: share of transparent pixels below which a picture is a photo with a few holes
_OFF = 0.3  #: saliency of the background
#: share of background in the visible part: at most 0.24 in cut-outs of the catalogue, from 0.69 in framed photos
_DOUBTFUL, _PHOTO = 0.3, 0.45
_RIM = 0.9  #: the same along the edge of the visible part, where a cut-out always has its product
_ROUND = 0.985  #: similarity to an ellipse from which a plate and a round photo cannot be told apart
_DOUBT = (0.5, ["unsure_what_the_product_is"])


def kept_matte(picture: Image.Image, spec: ModelSpec) -> tuple[float, list[str]] | None:
    """Return confidence and warnings for an ``RGBA`` picture that is a cut-out; ``None`` for a photo.

    The picture is placed on plain grounds. If the model then finds background inside the matte, it is a photo. Raises
    ``ModelMissing``.
    """
    alpha = picture.getchannel("A")
    histogram = alpha.histogram()
    if sum(histogram[:_OPAQUE]) < _HARDLY * sum(histogram):
        return None
    box = visible_box(alpha)
    matte = alpha.crop(box)
    looks = [_background(picture.crop(box), matte, ground, spec) for ground in ("white", "#808080")]
    share, rim = (min(values) for values in zip(*looks, strict=True))
    if share > _PHOTO and rim > _RIM:
        return None
    return _DOUBT if share > _DOUBTFUL or _is_round(matte) else (1.0, [])


def visible_box(alpha: Image.Image) -> Box:
    """Return the box of the visible pixels; the whole picture if there are none."""
    solid = alpha.point(lambda value: 255 if value >= _OPAQUE else 0)
    return solid.getbbox() or alpha.getbbox() or (0, 0, *alpha.size)


def visible_part(picture: Image.Image) -> Image.Image:
    """Return the visible part of an ``RGBA`` photo as ``RGB``. Holes get the median colour of their edges."""
    part = picture.crop(visible_box(picture.getchannel("A")))
    solid = part.getchannel("A").point(lambda value: 255 if value >= _OPAQUE else 0)
    small = (max(1, part.width // 8), max(1, part.height // 8))
    mask = solid.resize(small, Image.Resampling.BOX).point(lambda value: 255 if value == 255 else 0)
    edge = np.asarray(mask) > np.asarray(mask.filter(ImageFilter.MinFilter(5)))
    colours = np.asarray(part.convert("RGB").resize(small, Image.Resampling.BOX))
    middle = tuple(int(value) for value in np.median(colours[edge], axis=0)) if edge.any() else (255, 255, 255)
    filled = Image.new("RGB", part.size, middle)
    filled.paste(part.convert("RGB"), mask=solid)
    return filled


def _background(part: Image.Image, matte: Image.Image, ground: str, spec: ModelSpec) -> tuple[float, float]:
    """Return the shares of background that the model sees in the visible part and along its edge.

    The picture is placed on a plain ``ground``.
    """
    laid = Image.new("RGB", part.size, ground)
    laid.paste(part.convert("RGB"), mask=matte)
    look: Floats = saliency(laid, spec, (0, 0, *laid.size))
    visible = np.asarray(matte.resize(look.shape[::-1], Image.Resampling.BOX)) > 200
    if not visible.any():
        return 0.0, 0.0
    around = Image.fromarray(np.pad(visible, 10).astype(np.uint8)).filter(ImageFilter.MinFilter(17))
    rim = visible & (np.asarray(around)[10:-10, 10:-10] == 0)
    return float((look[visible] < _OFF).mean()), float((look[rim] < _OFF).mean())


def _is_round(matte: Image.Image) -> bool:
    size = (160, 160)
    ellipse = Image.new("L", size)
    ImageDraw.Draw(ellipse).ellipse((0, 0, *(side - 1 for side in size)), fill=255)
    seen, wanted = (np.asarray(one) >= _OPAQUE for one in (matte.resize(size, Image.Resampling.BOX), ellipse))
    return bool((seen & wanted).sum() >= _ROUND * (seen | wanted).sum())
