"""A person's hint: the local engine cuts out what it was pointed to, and strokes count where they are."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from example_project import catalogue
from product_imagery.conf import get_settings
from product_imagery.provider_kit.options import clean_options
from product_imagery.provider_kit.registry import get_offer, get_provider
from product_imagery.providers.local.engine import enhance
from tests.conftest import encoded

_FOLDER = Path(catalogue.__file__).parent
_POT, _BLOCKS = (100, 210), (640, 230)  #: left upper corners of two products in the picture

Cut = Callable[..., tuple[np.ndarray, dict[str, Any]]]


@pytest.fixture(scope="module")
def pair() -> tuple[Image.Image, dict[str, np.ndarray]]:
    """A picture of two products on grey, with the mattes of both."""
    picture, truths = Image.new("RGB", (900, 600), (170, 170, 170)), {}
    for name, place, height in (("teapot-clay", _POT, 220), ("building-blocks", _BLOCKS, 200)):
        photo = Image.open(_FOLDER / f"photos/{name}.jpg").convert("RGB")
        matte = Image.open(_FOLDER / f"mattes/{name}.png").convert("L")
        box = matte.point(lambda value: 255 * (value > 8)).getbbox()
        assert box
        size = (round((box[2] - box[0]) * height / (box[3] - box[1])), height)
        part, truth = matte.resize(size, box=box), Image.new("L", picture.size)
        picture.paste(photo.resize(size, box=box), place, part)
        truth.paste(part, place)
        truths[name] = np.asarray(truth) > 128
    return picture, truths


@pytest.fixture
def cut(tmp_path: Path, model_file: Path) -> Cut:
    """Cut out of a picture with options; return alpha, 0…255, and the description of the result."""

    def run(picture: Image.Image, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
        source = tmp_path / "source"
        source.write_bytes(encoded(picture, "PNG"))
        declared = get_offer(get_provider("local"), "remove_background").options
        (made,) = enhance(
            source=str(source),
            folder=str(tmp_path),
            operation="remove_background",
            options=clean_options(declared, options),
            **get_settings().provider_settings(),
        )
        return np.asarray(Image.open(io.BytesIO(Path(made["file"]["path"]).read_bytes())).getchannel("A")), made

    return run


def _overlap(alpha: np.ndarray, truth: np.ndarray) -> float:
    return float(((alpha > 128) & truth).sum() / ((alpha > 128) | truth).sum())


def _around(truth: np.ndarray) -> list[float]:
    """The region around a product with some room, in shares."""
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    high, wide = truth.shape
    left, top = (columns[0] - 12) / wide, (rows[0] - 12) / high
    return [left, top, (columns[-1] + 12) / wide - left, (rows[-1] + 12) / high - top]


def _middle(truth: np.ndarray) -> list[float]:
    rows, columns = np.nonzero(truth)
    return [float(np.median(columns)) / truth.shape[1], float(np.median(rows)) / truth.shape[0]]


@pytest.mark.parametrize("name", ["teapot-clay", "building-blocks"])
def test_in_a_region_only_its_product_is_cut_out(
    pair: tuple[Image.Image, dict[str, np.ndarray]], cut: Cut, name: str
) -> None:
    picture, truths = pair
    region = _around(truths[name])
    alpha, made = cut(picture, region=region)
    assert _overlap(alpha, truths[name]) > 0.9
    left, top, width, height = (round(share * side) for share, side in zip(region, (900, 600, 900, 600), strict=True))
    outside = alpha.copy()
    outside[top : top + height + 1, left : left + width + 1] = 0
    assert not outside.any()
    assert "touches_the_frame" not in made["warnings"]


def test_strokes_keep_and_remove_what_they_lie_on(pair: tuple[Image.Image, dict[str, np.ndarray]], cut: Cut) -> None:
    picture, truths = pair
    pot, blocks = truths["teapot-clay"], truths["building-blocks"]
    x, y = _middle(pot)
    far, low = _middle(blocks)
    both = _around(pot | blocks)
    alpha, _made = cut(picture, region=both, keep=[[x, y]], remove=[[[far, low - 0.1], [far, low + 0.1]]])
    assert (alpha[pot] > 128).mean() > 0.7
    assert alpha[round(low * 600), round(far * 900)] == 0
    alpha, _made = cut(picture, region=_around(blocks), keep=[[x, y]])
    assert alpha[round(y * 600), round(x * 900)] == 255


def test_a_cut_out_keeps_its_matte_inside_the_region(pair: tuple[Image.Image, dict[str, np.ndarray]], cut: Cut) -> None:
    picture, truths = pair
    both = picture.copy()
    both.putalpha(Image.fromarray((truths["teapot-clay"] | truths["building-blocks"]).astype(np.uint8) * 255))
    alpha, _made = cut(both, region=_around(truths["building-blocks"]))
    assert _overlap(alpha, truths["building-blocks"]) == 1


def test_without_a_hint_nothing_changes(pair: tuple[Image.Image, dict[str, np.ndarray]], cut: Cut) -> None:
    picture, _truths = pair
    assert cut(picture)[1]["file"]["sha256"] == cut(picture, region="", keep="", remove=[])[1]["file"]["sha256"]
