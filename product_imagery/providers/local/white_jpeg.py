"""An ordinary JPEG of a product on white, with a ground that stays white beside the product.

An encoder rings: beside an edge, quantisation leaves the white darker than it was, up to the end of the edge's block of
8×8 pixels. Where that would show, the product's pixels in the block are changed by a few levels, so that coefficients
round to other values, until the white decodes well. Without subsampling, each block is quantised on its own, so many
versions of all such blocks are tried at once: as a strip that goes through the encoder itself.
"""

from __future__ import annotations

import io
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from product_imagery.providers.local.arrays import Bytes, Floats, Mask

_Places: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]

FLOOR = 250  #: least value of white beside the product
FAR = 8  #: pixels from the product, from which on white is 255
_SIDE = 8  #: pixels of a block
_STRIP = 8000  #: blocks: a JPEG has at most 65,500 rows
_STRENGTHS = 45  #: of changes; the last one makes a block white, for noise of which no other version decodes well
_REACH = 2  #: pixels from the white at which a change is a third as strong as beside it
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
#: patterns that are tried with each strength
_NOISE = np.random.default_rng(1).integers(-1, 2, (16, _SIDE, _SIDE, 1)).astype(np.float32)

_AT = np.stack(np.divmod(np.arange(_SIDE * _SIDE), _SIDE), -1)
_DISTANCE = np.hypot(*(_AT[:, None] - _AT[None]).transpose(2, 0, 1)).astype(np.float32)  #: of two pixels of a block


def white_jpeg(image: Image.Image, ground: Image.Image, *, quality: int, **settings: Any) -> bytes:
    """Encode an RGB image as a progressive JPEG without subsampling; ``settings`` are passed to Pillow.

    ``ground`` is an ``L`` mask of the same size, 255 for background, where the picture has to be white.
    """
    height, width = image.height, image.width
    padding = (0, -height % _SIDE), (0, -width % _SIDE)
    pixels = np.pad(np.asarray(image), (*padding, (0, 0)), mode="edge")  # as an encoder does
    white = np.pad(np.asarray(ground) == 255, padding, mode="edge")
    places = _mixed(white)
    if len(places[0]):
        fixed = white.copy()  # and what the encoder repeats as padding
        fixed[height - (height % _SIDE > 0) :] = fixed[:, width - (width % _SIDE > 0) :] = True
        blocks, masks = _in_blocks(pixels), [_in_blocks(one[..., None])[places][..., 0] for one in (white, fixed)]
        blocks[places] = _without_ringing(blocks[places], *masks, quality=quality)
        image = Image.fromarray(pixels[:height, :width])
    return _encode(image, quality, progressive=True, **settings)


def _encode(image: Image.Image, quality: int, **settings: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality, subsampling=0, **settings)
    return target.getvalue()


def _in_blocks(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return a view of pixels (h, w, n) as blocks (h / 8, w / 8, 8, 8, n)."""
    height, width, planes = pixels.shape
    return pixels.reshape(height // _SIDE, _SIDE, width // _SIDE, _SIDE, planes).swapaxes(1, 2)


def _mixed(white: Mask) -> _Places:
    """Return rows and columns of the blocks that have pixels of both kinds."""
    share = _in_blocks(white[..., None])
    rows, columns = np.nonzero(share.any((2, 3, 4)) & ~share.all((2, 3, 4)))
    return rows, columns


def _without_ringing(blocks: Bytes, white: Mask, fixed: Mask, *, quality: int) -> Bytes:
    """Return blocks (n, 8, 8, 3) in which the white (n, 8, 8) decodes well; those that do already are unchanged.

    Pixels that are ``fixed`` (n, 8, 8) keep their values.
    """
    least, blocks = _least(white), blocks.copy()
    failing = np.flatnonzero(~_is_well(blocks, least, quality))
    originals, weights = blocks[failing], _weights(white[failing])
    for strength in range(_STRENGTHS):
        if not len(failing):
            break
        tried = np.where(fixed[failing, None, ..., None], originals[:, None], _changed(originals, weights, strength))
        well = _is_well(tried, least[failing, None], quality)
        blocks[failing] = tried[np.arange(len(failing)), well.argmax(1)]
        rest = ~well.any(1)
        failing, originals, weights = failing[rest], originals[rest], weights[rest]
    return blocks


def _least(white: Mask) -> Bytes:
    """Return the least value of each pixel after decoding: 0 for the product, ``FLOOR`` beside it, 255 far from it."""
    product = ~white.reshape(len(white), _SIDE * _SIDE)
    beside = (product @ (_DISTANCE < FAR)).reshape(white.shape)
    return np.where(white, np.where(beside, FLOOR, 255), 0).astype(np.uint8)


def _weights(white: Mask) -> Floats:
    """Return by how much each pixel may change (n, 8, 8): most beside the white, less inside the product."""
    nearest = np.where(white.reshape(len(white), 1, _SIDE * _SIDE), _DISTANCE, np.inf).min(-1)
    weights: Floats = np.exp((1 - nearest) / _REACH, dtype=np.float32).reshape(white.shape)
    return weights


def _is_well(blocks: Bytes, least: Bytes, quality: int) -> Mask:
    """Return which of the blocks (…, 8, 8, 3) decode to pixels of these values at least."""
    strip = blocks.reshape(-1, _SIDE, _SIDE, 3)
    decoded = [_decoded(strip[at : at + _STRIP], quality) for at in range(0, len(strip), _STRIP)]
    well: Mask = (np.concatenate(decoded).min(-1).reshape(blocks.shape[:-1]) >= least).all((-1, -2))
    return well


def _decoded(blocks: Bytes, quality: int) -> Bytes:
    strip = Image.fromarray(blocks.reshape(-1, _SIDE, 3))
    with Image.open(io.BytesIO(_encode(strip, quality))) as opened:
        return np.asarray(opened).reshape(blocks.shape)


def _changed(blocks: Bytes, weights: Floats, strength: int) -> Bytes:
    """Return versions (n, 16, 8, 8, 3) of blocks (n, 8, 8, 3): with noise, less chroma, and in the end lighter."""
    share = weights[:, None, ..., None]
    pixels: Any = blocks[:, None].astype(np.float32)
    grey = (pixels @ _GREY)[..., None]
    pixels = grey + (pixels - grey) * (1 - share * min(1.0, 0.04 * strength))
    pixels = pixels + _NOISE * (1 + strength / 5)
    lighter = np.maximum(share * min(1.0, max(0.0, 0.03 * (strength - 10))), max(0.0, (strength - 36) / 8))
    pixels += (255 - pixels) * lighter
    changed: Bytes = pixels.round().clip(0, 255).astype(np.uint8)
    return changed
