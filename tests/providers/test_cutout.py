"""Cut-outs of several things, of thin parts and on known grounds, composed of the rendered catalogue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from example_project import catalogue
from product_imagery.providers.local.cutout import Cutout, cut_out
from product_imagery.providers.local.inference import ModelSpec

_FOLDER = Path(catalogue.__file__).parent
_GREY = (170, 170, 170)


@pytest.fixture
def spec(model_file: Path) -> ModelSpec:
    return ModelSpec(str(model_file))


def _part(name: str, height: int) -> tuple[Image.Image, Image.Image]:
    """Return a product of the catalogue and its matte, scaled to ``height`` pixels and at most 504 wide."""
    photo = ImageOps.exif_transpose(Image.open(_FOLDER / "photos" / f"{name}.jpg")).convert("RGB")
    matte = Image.open(_FOLDER / "mattes" / f"{name}.png").convert("L")
    box = matte.point(lambda value: 255 * (value > 8)).getbbox()
    assert box
    factor = min(height / (box[3] - box[1]), 504 / (box[2] - box[0]))
    size = (round((box[2] - box[0]) * factor), round((box[3] - box[1]) * factor))
    return photo.resize(size, box=box), matte.resize(size, box=box)


def _composed(parts: dict[str, tuple[int, int]], ground: str | tuple[int, ...]) -> tuple[Image.Image, Image.Image]:
    """Stand products in a picture of 1200×900, each at x with a height, and return it with its exact matte."""
    picture, truth = Image.new("RGB", (1200, 900), ground), Image.new("L", (1200, 900))
    for name, (x, height) in parts.items():
        photo, matte = _part(name, height)
        for canvas, pixels in ((picture, photo), (truth, matte)):
            canvas.paste(pixels, (x - matte.width // 2, 765 - matte.height), matte)
    return picture, truth


def _overlap(cut: Cutout, truth: Image.Image) -> float:
    found, exact = (np.asarray(one) > 127 for one in (cut.alpha, truth))
    return float((found & exact).sum() / (found | exact).sum())


def test_the_second_look_takes_no_part_of_a_set_away(spec: ModelSpec) -> None:
    picture, truth = _composed({"teapot-clay": (396, 540), "building-blocks": (864, 315)}, _GREY)
    cut = cut_out(picture, spec)
    assert _overlap(cut, truth) > 0.99
    assert cut.signs["agreement"] < 0.8
    assert cut.signs["rescued"] > 0.1


def test_a_box_on_white_is_framed_whole(spec: ModelSpec) -> None:
    box, truth = Image.new("RGB", (700, 820), "white"), Image.new("L", (700, 820))
    for where, colour in (
        ((30, 20, 670, 800), "#286ed2"),
        ((60, 140, 640, 780), "#78be5a"),
        ((90, 640, 250, 740), "white"),
    ):
        box.paste(colour, where)
    ImageDraw.Draw(box).ellipse((200, 250, 500, 550), fill="#fad23c")
    truth.paste(255, (30, 20, 670, 800))
    cut = cut_out(box, spec)
    assert _overlap(cut, truth) > 0.99
    assert cut.signs["lost"] > 0.3


def test_grey_parts_on_white_stay_and_a_soft_shadow_goes(spec: ModelSpec) -> None:
    picture, truth = Image.new("RGB", (900, 700), "white"), Image.new("L", (900, 700))
    ImageDraw.Draw(picture).ellipse((250, 380, 650, 440), fill="#c8c8c8")
    picture = picture.filter(ImageFilter.GaussianBlur(20))
    for where, colour in (((250, 60, 650, 400), "#503c8c"), ((200, 520, 600, 580), "#e8e8ea")):
        picture.paste(colour, where)
        truth.paste(255, where)
    assert _overlap(cut_out(picture, spec), truth) > 0.98


def test_a_cord_on_a_plain_ground_stays(spec: ModelSpec) -> None:
    picture, truth = _composed({"mug-striped": (396, 500)}, _GREY)
    points = [(600 + step * 2.5, 650 - 60 * np.sin(step / 25)) for step in range(200)]
    for canvas, ink in ((picture, (20, 20, 25)), (truth, 255)):
        ImageDraw.Draw(canvas).line(points, fill=ink, width=9, joint="curve")
    assert _overlap(cut_out(picture, spec), truth) > 0.96
