"""White stays white after decoding, in a file as light as an ordinary one."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from product_imagery.providers.local.white_jpeg import FLOOR, white_jpeg


def _decoded(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as opened:
        return np.asarray(opened.convert("RGB"))


def _colourful(seed: int, size: tuple[int, int]) -> Image.Image:
    """Noise in hard shapes on white: the worst that a photo can do to its edges."""
    rng = np.random.default_rng(seed)
    shapes = Image.new("L", size)
    draw = ImageDraw.Draw(shapes)
    for _ in range(4):
        x, y, r = (int(value) for value in rng.integers(0, min(size), 3))
        draw.ellipse((x - r / 3, y - r / 4, x + r / 3, y + r / 4), fill=255)
        draw.line((x, y, r, x), fill=255)
    draw.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=0, width=2)  # a frame of white
    noise = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    return Image.composite(noise, Image.new("RGB", size, "white"), shapes)


def _ground(picture: Image.Image) -> Image.Image:
    return Image.fromarray(((np.asarray(picture) == 255).all(axis=-1) * 255).astype(np.uint8))


def _far_from(product: np.ndarray) -> np.ndarray:
    """Return the pixels that are 8 or more away from every pixel of the product."""
    near = np.zeros_like(product)
    height, width = product.shape
    for y, x in itertools.product(range(-7, 8), range(-7, 8)):
        if y * y + x * x < 64:
            of = product[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
            near[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)] |= of
    return ~near


@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(17, 150),
    height=st.integers(17, 150),
    quality=st.integers(50, 100),
)
@settings(max_examples=25, deadline=None)
def test_white_decodes_to_white(seed: int, width: int, height: int, quality: int) -> None:
    picture = _colourful(seed, (width, height))
    white = (np.asarray(picture) == 255).all(axis=-1)
    darkest = _decoded(white_jpeg(picture, _ground(picture), quality=quality)).min(axis=-1)
    assert (darkest[white] >= FLOOR).all()
    assert (darkest[white & _far_from(~white)] == 255).all()


@given(seed=st.integers(0, 2**32 - 1), quality=st.integers(50, 100))
@settings(max_examples=8, deadline=None)
def test_the_file_is_as_light_as_an_ordinary_one(seed: int, quality: int) -> None:
    picture = _colourful(seed, (200, 160))
    ordinary = io.BytesIO()
    picture.save(ordinary, "JPEG", quality=quality, subsampling=0, progressive=True)
    assert len(white_jpeg(picture, _ground(picture), quality=quality)) <= 1.05 * len(ordinary.getvalue())


def test_the_file_is_progressive_and_stores_luminance_and_chroma() -> None:
    picture = _colourful(3, (64, 64))
    with Image.open(io.BytesIO(white_jpeg(picture, _ground(picture), quality=90, dpi=(72, 72)))) as opened:
        assert opened.info["progressive"]
        assert opened.info["dpi"] == (72, 72)
        assert opened.info["jfif"]  # which says that it is YCbCr


@pytest.mark.parametrize("quality", [80, 92])
def test_the_product_looks_as_an_ordinary_encoder_would_leave_it(quality: int) -> None:
    picture = Image.new("RGB", (400, 300), "white")
    gradient = Image.radial_gradient("L").resize((260, 220))
    picture.paste(Image.merge("RGB", (gradient, gradient.transpose(0), gradient.transpose(1))), (70, 40))
    ordinary = io.BytesIO()
    picture.save(ordinary, "JPEG", quality=quality, subsampling=0)
    truth = np.asarray(picture, float)[40:260, 70:330]

    def error(content: bytes) -> float:
        return float(((_decoded(content)[40:260, 70:330] - truth) ** 2).mean())

    assert error(white_jpeg(picture, _ground(picture), quality=quality)) <= error(ordinary.getvalue()) * 1.2 + 0.1


def test_a_picture_without_edges_is_left_to_pillow() -> None:
    assert (
        _decoded(white_jpeg(Image.new("RGB", (64, 64), "white"), Image.new("L", (64, 64), 255), quality=90)) == 255
    ).all()


def test_settings_such_as_metadata_pass_through() -> None:
    assert b"my-packet" in white_jpeg(_colourful(1, (64, 64)), Image.new("L", (64, 64)), quality=90, xmp=b"my-packet")
