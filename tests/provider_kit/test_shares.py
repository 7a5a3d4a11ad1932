"""Places in a picture: what people and programs write is understood in one way, and nothing outside is accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_imagery.exceptions import OptionError
from product_imagery.provider_kit.options import Kind, Option
from product_imagery.provider_kit.shares import region_of, strokes_of

_REGION, _KEEP = Option("region", Kind.REGION, ""), Option("keep", Kind.STROKES, "")
_SHARE = st.floats(0, 1)
_POINT = st.lists(_SHARE, min_size=2, max_size=2)


@given(st.lists(_SHARE, min_size=4, max_size=4))
def test_a_region_is_inside_the_picture_or_refused(numbers: list[float]) -> None:
    try:
        cleaned = _REGION.clean(numbers)
    except OptionError:
        assert numbers[0] + numbers[2] > 1 or numbers[1] + numbers[3] > 1 or min(numbers[2:]) < 0.006
        return
    assert _REGION.clean(cleaned) == cleaned
    region = region_of(cleaned)
    assert region is not None
    assert region == pytest.approx(numbers, abs=0.001)


@given(st.lists(st.lists(_POINT, min_size=1, max_size=5), min_size=1, max_size=10))
def test_strokes_are_the_same_as_a_list_and_as_text(strokes: list[list[list[float]]]) -> None:
    cleaned = _KEEP.clean(strokes)
    assert _KEEP.clean(cleaned) == cleaned
    for stroke, found in zip(strokes, strokes_of(cleaned), strict=True):
        for point, read in zip(stroke, found, strict=True):
            assert read == pytest.approx(point, abs=0.001)


def test_points_alone_are_strokes_of_one_point() -> None:
    assert _KEEP.clean([[0.3, 0.4], [0.5, 0.5]]) == _KEEP.clean("0.3,0.4; 0.5,0.5") == "0.3,0.4; 0.5,0.5"
    assert _KEEP.clean("") == _REGION.clean("") == ""


@pytest.mark.parametrize(
    "bad",
    ["0,0,0,1", "0,0,1", "0.5,0,0.6,1", "-0.1,0,0.5,1", "nan,0,1,1", "a", "0.1,,0.2,", [0, 0, 2, 1], {"x": 1}, True, 5],
)
def test_what_is_no_region_is_told_what_to_write(bad: object) -> None:
    with pytest.raises(OptionError, match=r"Option region: .* write x,y,width,height in shares .* from 0 to 1"):
        _REGION.clean(bad)


@pytest.mark.parametrize(
    "bad",
    [
        "0.5",
        "1.2,0.5",
        "0.1,0.2,0.3",
        "x,y",
        [0.5, 0.5],
        [[2, 0]],
        [["a", 0]],
        [[[]]],
        "[[1",
        {"x": 1},
        "0,0;" * 201,
        1,
    ],
)
def test_what_are_no_points_is_told_what_to_write(bad: object) -> None:
    with pytest.raises(OptionError, match="at most 200 points x,y in shares of the picture from 0 to 1"):
        _KEEP.clean(bad)
