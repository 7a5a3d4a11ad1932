"""Drift of a product between source and result, measured on drawn pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from example_project import catalogue
from product_imagery.fidelity.colours import difference, lab
from product_imagery.fidelity.drift import Known, drift
from product_imagery.fidelity.judge import Bounds, Drift
from tests.fidelity import products
from tests.fidelity.products import bottle, encoded, packshot, placed, plain, room, stretched, teapot, tinted

GROUNDS = {"room": room, "studio": plain}
WHITE = "white_background"


def _drift(source: Image.Image, result: Image.Image, operation: str = WHITE) -> Drift:
    return Drift(**drift(source, result, operation), bounds=Bounds())


@pytest.fixture(params=GROUNDS)
def photo(request: Any) -> Image.Image:
    return encoded(placed(bottle(), GROUNDS[request.param]()), quality=90)


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(packshot(bottle()), id="untouched"),
        pytest.param(encoded(packshot(bottle())), id="jpeg"),
        pytest.param(encoded(packshot(bottle()), "WEBP"), id="webp"),
        pytest.param(packshot(bottle(), side=500), id="small"),
        pytest.param(packshot(bottle(), side=1600), id="large"),
        pytest.param(packshot(bottle(), share=0.5), id="elsewhere"),
        pytest.param(placed(bottle(), plain((255, 255, 255)), share=0.6, across=0.3), id="aside"),
        pytest.param(bottle(), id="transparent"),
    ],
)
def test_a_faithful_picture_passes(photo: Image.Image, result: Image.Image) -> None:
    found = _drift(photo, result)
    assert (found.exceeded, found.reason) == ([], "")
    assert found.colour is not None
    assert found.details is not None


def _shifted(by: float) -> Image.Image:
    """Return the bottle in a colour whose ΔE 2000 from its own is ``by`` in most of its pixels."""
    amount = next(one for one in range(1, 90) if _typical(tinted(bottle(), one)) >= by)
    return tinted(bottle(), amount)


def _typical(other: Image.Image) -> float:
    opaque = np.asarray(bottle().getchannel("A")) == 255
    first, second = (np.asarray(one.convert("RGB"), float)[opaque] for one in (bottle(), other))
    return float(np.median(difference(lab(first), lab(second))))


@pytest.mark.parametrize(
    ("result", "exceeded"),
    [
        pytest.param(_shifted(5), ["colour"], id="colour"),
        pytest.param(stretched(bottle(), 3), ["shape"], id="wider"),
        pytest.param(stretched(bottle(), -3), ["shape"], id="narrower"),
        pytest.param(bottle(rows=0), ["details"], id="label erased"),
        pytest.param(bottle(rows=3), ["details"], id="half of it"),
    ],
)
def test_a_changed_product_is_found(photo: Image.Image, result: Image.Image, exceeded: list[str]) -> None:
    found = _drift(photo, encoded(packshot(result)))
    assert set(exceeded) <= set(found.exceeded)
    assert all("compare before publishing" in sentence for sentence in found.sentences)


@pytest.mark.parametrize("result", [teapot(), ImageOps.flip(bottle())], ids=["another", "upside down"])
def test_a_swapped_product_is_found(photo: Image.Image, result: Image.Image) -> None:
    found = _drift(photo, packshot(result))
    assert found.needs_person
    assert "details" in found.exceeded


@pytest.mark.parametrize("name", ["stool-teal", "lamp-brass", "building-blocks", "watch-leather"])
def test_rendered_products_pass_unless_they_were_stretched(name: str) -> None:
    photo = _catalogue("photos", f"{name}.jpg").convert("RGB")
    product = photo.copy()
    product.putalpha(_catalogue("mattes", f"{name}.png").convert("L"))
    product = product.crop(product.getbbox())
    assert _drift(photo, encoded(packshot(product))).exceeded == []
    for percent in (-3, 3):
        assert "shape" in _drift(photo, encoded(packshot(stretched(product, percent)))).exceeded


def _catalogue(*parts: str) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(Path(catalogue.__file__).with_name(parts[0]) / parts[1]))


def test_the_numbers_are_those_of_the_change(photo: Image.Image) -> None:
    assert _drift(photo, packshot(stretched(bottle(), 3))).shape == pytest.approx(3, abs=0.6)
    assert _drift(photo, packshot(_shifted(5))).colour == pytest.approx(5, abs=2)
    assert _drift(photo, packshot(bottle())).colour == pytest.approx(0, abs=1)


def test_a_scene_is_compared_with_a_photo_on_a_plain_ground() -> None:
    source = placed(bottle(), plain())
    scene = placed(bottle(), room(), share=0.5, across=0.6)
    assert _drift(source, scene, "scene").exceeded == []
    assert "shape" in _drift(source, placed(stretched(bottle(), 4), room(), share=0.5), "scene").exceeded
    assert "details" in _drift(source, placed(bottle(rows=0), room(), share=0.5), "scene").exceeded


def test_of_two_pictures_without_a_plain_ground_only_what_is_certain_is_told() -> None:
    source = placed(bottle(), room(), share=0.9)
    faithful = _drift(source, placed(bottle(), room(11), share=0.6), "scene")
    assert (faithful.exceeded, faithful.reason, faithful.details) == ([], "", None)
    other = _drift(source, placed(teapot(), room(11), share=0.6), "scene")
    assert (other.reason, other.colour, other.needs_person) == ("ground", None, False)
    assert other.why_not


@pytest.mark.parametrize("factor", [2, 4])
def test_an_enlargement_is_compared_as_a_whole(photo: Image.Image, factor: int) -> None:
    small = photo.resize((300, 300))
    large = small.resize((300 * factor, 300 * factor), Image.Resampling.BICUBIC)
    assert _drift(small, large, "upscale").exceeded == []
    assert "shape" in _drift(small, large.resize((310 * factor, 300 * factor)), "upscale").exceeded
    assert "colour" in _drift(small, ImageOps.autocontrast(large.convert("L")).convert("RGB"), "upscale").exceeded


def test_an_expanded_photo_is_found_in_its_new_frame() -> None:
    source = placed(bottle(), room()).crop((100, 0, 800, 900))
    wide = Image.new("RGB", (1100, 900), (150, 160, 150))
    wide.paste(source, (200, 0))
    assert _drift(source, wide, "expand").exceeded == []
    wide.paste(placed(bottle(rows=0), room()).crop((100, 0, 800, 900)), (200, 0))
    assert "details" in _drift(source, wide, "expand").exceeded


@given(share=st.floats(0.35, 0.95), side=st.integers(400, 1400), quality=st.integers(70, 95))
@settings(max_examples=6, deadline=None)
def test_size_place_and_compression_never_count(share: float, side: int, quality: int) -> None:
    result = encoded(packshot(bottle(), side=side, share=share), quality=quality)
    assert _drift(products.placed(bottle(), room()), result).exceeded == []


_CHANNEL = st.integers(0, 255)
_COLOUR = st.tuples(_CHANNEL, _CHANNEL, _CHANNEL)


@given(_COLOUR, _COLOUR)
def test_colour_differences_are_symmetric_and_zero_between_equals(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    first, second = (lab(np.array([colour], float)) for colour in (one, other))
    assert difference(first, second) == pytest.approx(difference(second, first), abs=1e-6)
    assert difference(first, first) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # Sharma, Wu and Dalal (2005), table 1
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_colour_difference_is_the_published_one(first: Any, second: Any, expected: float) -> None:
    assert difference(np.array([first]), np.array([second]))[0] == pytest.approx(expected, abs=1e-4)


def _where(result: Image.Image, product: Image.Image, share: float = 0.85) -> Known:
    """Return where a product is that was put into a packshot as it was in a photo by ``placed``, a share of 0.7."""
    opacity = placed(product, Image.new("RGBA", result.size), share=share).getchannel("A")
    beyond = (share / 0.7 - 1) / 2 / (share / 0.7)
    return Known(opacity, beyond, beyond, 1 - beyond, 1 - beyond)


@pytest.mark.parametrize(
    ("result", "exceeded"),
    [
        pytest.param(bottle(), [], id="untouched"),
        pytest.param(_shifted(5), ["colour"], id="colour"),
        pytest.param(stretched(bottle(), 3), ["shape"], id="wider"),
        pytest.param(bottle(rows=0), ["details"], id="label erased"),
        pytest.param(teapot(), ["details"], id="another"),
    ],
)
def test_a_product_whose_place_is_known_is_compared_there(
    photo: Image.Image, result: Image.Image, exceeded: list[str]
) -> None:
    made = encoded(packshot(result))
    for operation in (WHITE, "scene"):
        found = Drift(**drift(photo, made, operation, _where(made, result)), bounds=Bounds())
        assert set(exceeded) <= set(found.exceeded)
        assert (found.exceeded == [], found.reason) == (not exceeded, "")
