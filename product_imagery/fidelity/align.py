"""Alignment: where the product of one picture is in another one, at which scale, turned and stretched how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from product_imagery.fidelity.arrays import Flags, Floats, Waves, flags, floats
from product_imagery.imaging.scale import scaled
from product_imagery.imaging.visible import Box

_SEARCHED = 96  #: longest side of the picture in which the product is searched at first
_SMALLEST, _STEP = 20, 1.12  #: longest side of the product there, and the step between the sizes that are tried
_ROUNDS = (8, 4, 3)  #: of refinement at a quarter, half and all of the pixels
_STILL = 0.03  #: pixels by which a round moves the product at most when nothing is left to refine
_SMALLEST_FRAME = 8  #: pixels of the shorter side, below which nothing is refined
_MOST_CHANGE = 0.3  #: of a side, by which the refinement may change what was found
_ROOM = 0.25  #: around the place that was found, as a share of its sides


Place = tuple[float, float, float, float]  #: left, top, right, bottom in pixels and parts of them


@dataclass(frozen=True)
class View:
    """A picture (RGB): as it is, and as it is aligned, where another ground may help to find the contour."""

    flat: Image.Image
    guide: Image.Image


@dataclass(frozen=True)
class Shown:
    """A product: its picture, the mask of what is compared, and that of what is aligned."""

    view: View
    mask: Image.Image
    guide: Image.Image

    @property
    def box(self) -> Box:
        """Box of what is aligned."""
        return self.guide.getbbox() or (0, 0, *self.guide.size)

    @property
    def side(self) -> int:
        """Longest side of the box."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)


@dataclass(frozen=True)
class Aligned:
    """The product, and the same part of the other picture in its frame. ``linear``: what the frame was mapped by."""

    product: Image.Image
    other: Image.Image
    mask: Flags
    linear: Floats

    @property
    def stretch(self) -> float:
        """Relative difference between the scales along the most and the least stretched direction."""
        largest, smallest = np.linalg.svd(self.linear, compute_uv=False)
        return float(largest / smallest - 1)


def find(product: Shown, image: Image.Image) -> Box | None:
    """Return the box in ``image`` that looks most like the product, by masked correlation at many sizes."""
    factor = min(1.0, _SEARCHED / max(image.size))
    small = image.resize(scaled(image.size, factor), Image.Resampling.BOX)
    field = floats(small)
    spectra = [np.fft.rfft2(field[..., channel]) for channel in range(3)]
    square = np.fft.rfft2((field**2).sum(-1))
    left, top, right, bottom = product.box
    most = min(small.width / (right - left), small.height / (bottom - top))
    best: tuple[float, Box | None] = (0.0, None)
    enough = scaled((right - left, bottom - top), min(1.0, 2 * _SEARCHED / product.side))
    view, guide = (one.resize(enough, Image.Resampling.BOX, product.box) for one in (product.view.guide, product.guide))
    while most * product.side >= _SMALLEST:
        size = scaled((right - left, bottom - top), most)
        score, (x, y) = _best_place(view, guide, size, field.shape[:2], spectra, square)
        if score > best[0]:
            box = (x / factor, y / factor, (x + size[0]) / factor, (y + size[1]) / factor)
            best = score, (round(box[0]), round(box[1]), round(box[2]), round(box[3]))
        most /= _STEP
    return best[1]


def _best_place(
    product: Image.Image,
    guide: Image.Image,
    size: tuple[int, int],
    shape: tuple[int, ...],
    spectra: Sequence[Waves],
    square: Waves,
) -> tuple[float, tuple[int, int]]:
    """Return the largest normalised correlation of the product at this size, and where it is."""
    mask = floats(guide.resize(size, Image.Resampling.BOX)) / 255
    template = floats(product.resize(size, Image.Resampling.BOX))
    weight = mask.sum() + 1e-6
    template = (template - (template * mask[..., None]).sum((0, 1)) / weight) * mask[..., None]
    of_mask = np.conj(np.fft.rfft2(mask, shape))
    crossed = np.sum([np.conj(np.fft.rfft2(template[..., one], shape)) * spectra[one] for one in range(3)], axis=0)
    means = [np.fft.irfft2(of_mask * spectrum, shape) for spectrum in spectra]
    spread = np.fft.irfft2(of_mask * square, shape) - sum(mean**2 for mean in means) / weight
    energy = (template**2).sum() / max(mask.max(), 1e-6)
    score = np.fft.irfft2(crossed, shape) / np.sqrt(np.maximum(spread, 4 * weight) * max(energy, 4 * weight))
    valid = score[: shape[0] - size[1] + 1, : shape[1] - size[0] + 1]
    y, x = np.unravel_index(int(valid.argmax()), valid.shape)
    return float(valid[y, x]), (int(x), int(y))


def align(product: Shown, other: View, place: Place, side: int, *, is_exact: bool = False) -> Aligned:
    """Map a place of the other picture onto the product as well as an affine map can, at ``side`` pixels.

    A place that ``is_exact`` is taken as it is.
    """
    size = scaled((product.box[2] - product.box[0], product.box[3] - product.box[1]), side / product.side)
    view, guide = (_cut(one, size, product.box) for one in (product.view.guide, product.guide))
    moving, offset = _around(other.guide, place, size)
    linear: Floats = np.eye(2)
    shift: Floats = np.array(offset, dtype=float)
    for divisor, rounds in zip((4, 2, 1), _ROUNDS, strict=True):
        if not is_exact and min(size) // divisor >= _SMALLEST_FRAME:
            linear, shift = _refined(view, moving, guide, linear, shift, divisor, rounds)
    pixels = _around(other.flat, place, size)[0]
    seen = flags(_warped(Image.new("L", pixels.size, 255), size, linear, shift))
    matched = _warped(pixels, size, linear, shift, Image.Resampling.BICUBIC)
    scales = np.diag([(place[2] - place[0]) / size[0], (place[3] - place[1]) / size[1]])
    flat, mask = (_cut(one, size, product.box) for one in (product.view.flat, product.mask))
    return Aligned(flat, matched, flags(mask) & seen, scales @ linear)


def _cut(image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
    return image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)


def _around(image: Image.Image, place: Place, size: tuple[int, int]) -> tuple[Image.Image, tuple[float, float]]:
    """Return the place with room around it, at the scale at which the place has ``size``, and where it begins."""
    width, height = place[2] - place[0], place[3] - place[1]
    room = (
        max(0, place[0] - round(_ROOM * width)),
        max(0, place[1] - round(_ROOM * height)),
        min(image.width, place[2] + round(_ROOM * width)),
        min(image.height, place[3] + round(_ROOM * height)),
    )
    scale = size[0] / width, size[1] / height
    part = max(1, round((room[2] - room[0]) * scale[0])), max(1, round((room[3] - room[1]) * scale[1]))
    other = image.resize(part, Image.Resampling.BICUBIC, box=room, reducing_gap=3.0)
    return other, ((place[0] - room[0]) * scale[0], (place[1] - room[1]) * scale[1])


def _refined(
    shown: Image.Image,
    other: Image.Image,
    mask: Image.Image,
    linear: Floats,
    shift: Floats,
    divisor: int,
    rounds: int,
) -> tuple[Floats, Floats]:
    """Return a better map, by robust least squares on the brightness, whatever its contrast and level."""
    size = scaled(shown.size, 1 / divisor)
    soft = ImageFilter.GaussianBlur(1)
    fixed = floats(shown.resize(size, Image.Resampling.BOX).convert("L").filter(soft))
    moving = other.resize(scaled(other.size, 1 / divisor), Image.Resampling.BOX).convert("L").filter(soft).convert("F")
    wanted = flags(mask.resize(size, Image.Resampling.BOX))
    frame = Image.new("L", moving.size, 255)
    ratio = np.array([moving.width / other.width, moving.height / other.height])
    scale = np.array([size[0] / shown.width, size[1] / shown.height])
    matrix, offset = ratio[:, None] * linear / scale, shift * ratio
    start, first = matrix, offset
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    for _ in range(rounds):
        inside = wanted & flags(_warped(frame, size, matrix, offset))
        if inside.sum() < 64:
            break
        step = _step(fixed, floats(_warped(moving, size, matrix, offset)), inside, x, y)
        matrix, offset = matrix @ (np.eye(2) + step[:, :2]), offset + matrix @ step[:, 2]
        if np.abs(step[:, 2]).max() < _STILL and np.abs(step[:, :2]).max() * max(size) < _STILL:
            break
    away = np.abs(offset + matrix @ (np.array(size) / 2) - first - start @ (np.array(size) / 2)).max()
    if np.abs(matrix - start).max() > _MOST_CHANGE or away > _MOST_CHANGE * max(size):
        return linear, shift
    return np.asarray(matrix * scale / ratio[:, None]), np.asarray(offset / ratio)


def _step(fixed: Floats, moved: Floats, inside: Flags, x: Floats, y: Floats) -> Floats:
    """Return the change of the map (2×3, in the frame of ``fixed``) that makes ``moved`` most like ``fixed``."""
    down, across = np.gradient(moved, axis=0), np.gradient(moved, axis=1)
    a, b, dx, dy, px, py = (values[inside].astype(np.float32) for values in (fixed, moved, across, down, x, y))
    weight = np.ones_like(a)
    for _ in range(2):
        gain, level = _line(b, a, weight)
        rest = a - gain * b - level
        spread = 2.0 * np.abs(rest).mean() + 1.0
        weight = 1 / (1 + (rest / spread) ** 2)
    middle = np.array([px.mean(), py.mean()])
    px, py, size = px - middle[0], py - middle[1], max(fixed.shape)
    columns = np.stack((dx * px / size, dx * py / size, dx, dy * px / size, dy * py / size, dy)) * gain
    normal = (columns * weight) @ columns.T
    normal += np.eye(6) * (1e-4 * np.trace(normal) / 6 + 1e-6)
    solved = np.linalg.solve(normal, (columns * weight) @ rest)
    turn = np.array([[solved[0], solved[1]], [solved[3], solved[4]]]) / size
    return np.column_stack((turn, np.array([solved[2], solved[5]]) - turn @ middle))


def _line(b: Floats, a: Floats, weight: Floats) -> tuple[float, float]:
    """Return gain and level of the line through pairs of brightness; at least a tenth of the contrast is kept."""
    total = weight.sum()
    mean_b, mean_a = (weight * b).sum() / total, (weight * a).sum() / total
    gain = (weight * (b - mean_b) * (a - mean_a)).sum() / ((weight * (b - mean_b) ** 2).sum() + 1e-6)
    gain = float(max(gain, 0.1))
    return gain, float(mean_a - gain * mean_b)


def _warped(
    image: Image.Image,
    size: tuple[int, int],
    linear: Floats,
    shift: Floats,
    how: Image.Resampling = Image.Resampling.BILINEAR,
) -> Image.Image:
    data = (linear[0, 0], linear[0, 1], shift[0], linear[1, 0], linear[1, 1], shift[1])
    return image.transform(size, Image.Transform.AFFINE, tuple(float(one) for one in data), how)
