"""Shadows and reflections. Shadows are drawn at an eighth of the size, because they are soft."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

from product_imagery.providers.local.frame import Placed

_SHRINK = 8


def contact_shadow(placed: Placed, strength: float) -> Image.Image:
    """Return an ``L`` map of darkness (0: none) directly below the product; ``strength`` is 0…1."""
    alpha, (left, top, right, bottom) = _small_alpha(placed)
    shadow = _empty(placed)
    height = max(2, (bottom - top) // 14)
    base = alpha.crop((0, max(0, alpha.height - max(2, alpha.height // 6)), alpha.width, alpha.height))
    footprint = base.resize((right - left, height), Image.Resampling.BOX)
    shadow.paste(footprint, (left, bottom - height // 2))
    blur = max(1.0, shadow.width / 90)
    soft = shadow.filter(ImageFilter.GaussianBlur(blur * 2.2)).point(lambda value: value * 0.55)
    tight = shadow.filter(ImageFilter.GaussianBlur(blur * 0.7))
    return _full(ImageChops.lighter(soft, tight), placed.size, strength)


def cast_shadow(placed: Placed, strength: float, *, lean: float, length: float, softness: float) -> Image.Image:
    """Return an ``L`` map of the product's shadow on the ground behind it.

    ``lean`` is the sideways shift per height (positive: to the right), ``length`` the length of the shadow as a share
    of the product's height, ``softness`` the blur in hundredths of the frame's width.
    """
    alpha, (left, top, _, bottom) = _small_alpha(placed)
    flat = _empty(placed)
    flat.paste(alpha, (left, top))
    # Maps output to input: the foot stays, heights are divided by length, and the lean is undone.
    matrix = (1.0, lean, -lean * bottom, 0.0, 1 / length, bottom - bottom / length)
    thrown = flat.transform(flat.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    thrown = thrown.filter(ImageFilter.GaussianBlur(max(0.6, thrown.width * softness / 100)))
    return _full(thrown, placed.size, strength)


def darken(image: Image.Image, shadow: Image.Image, colour: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """Blend ``colour`` into ``image`` by the darkness of ``shadow``."""
    return Image.composite(Image.new("RGB", image.size, colour), image, shadow)


def reflect(image: Image.Image, placed: Placed, strength: float) -> Image.Image:
    """Add the product's reflection on a glossy ground, which fades out within a third of its height."""
    left, _, _, bottom = placed.box
    depth = max(1, placed.product.height // 3)
    mirrored = placed.product.transpose(Image.Transpose.FLIP_TOP_BOTTOM).crop((0, 0, placed.product.width, depth))
    fade = Image.linear_gradient("L").transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize(mirrored.size)
    veil = ImageChops.multiply(mirrored.getchannel("A"), fade.point(lambda value: value * strength))
    mirrored = mirrored.convert("RGB").filter(ImageFilter.GaussianBlur(max(1, image.width / 700)))
    result = image.copy()
    result.paste(mirrored, (left, bottom), veil)
    return result


def _small_alpha(placed: Placed) -> tuple[Image.Image, tuple[int, int, int, int]]:
    left, top, right, bottom = (round(edge / _SHRINK) for edge in placed.box)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    return placed.product.getchannel("A").resize((right - left, bottom - top), Image.Resampling.BOX), (
        left,
        top,
        right,
        bottom,
    )


def _empty(placed: Placed) -> Image.Image:
    return Image.new("L", (-(-placed.size[0] // _SHRINK), -(-placed.size[1] // _SHRINK)))


def _full(shadow: Image.Image, size: tuple[int, int], strength: float) -> Image.Image:
    return shadow.point(lambda value: value * strength).resize(size, Image.Resampling.BICUBIC)
