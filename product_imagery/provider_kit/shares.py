"""Places in a picture, in shares of its width and height: a region, and strokes of points.

A region is written ``x,y,width,height``; strokes are written ``x,y x,y; x,y``, with spaces between the points of a
stroke. The origin is the upper left corner of the picture as people see it.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeAlias

#: left, top, width and height
Region: TypeAlias = tuple[float, float, float, float]
Point: TypeAlias = tuple[float, float]
Stroke: TypeAlias = tuple[Point, ...]

_PLACES = 4  #: digits: a tenth of a pixel of a large photo
_SMALLEST = 0.005  #: width and height of a region
_LONGEST = 40  #: characters of a point, at most


def region_of(text: str) -> Region | None:
    """Return the region of a cleaned text, ``None`` of an empty one."""
    return _four(_numbers(text.split(","))) if text else None


def strokes_of(text: str) -> tuple[Stroke, ...]:
    """Return the strokes of a cleaned text."""
    return tuple(tuple(_pair(_numbers(point.split(","))) for point in one.split()) for one in text.split(";") if one)


def clean_region(value: Any) -> str:
    """Return a region as text; empty for none. It may come as text or as a list of four numbers.

    Raises ``ValueError`` for one that is not inside the picture, or has no area.
    """
    if value in ("", None):
        return ""
    left, top, width, height = _four(_numbers(value.split(",") if isinstance(value, str) else value))
    right, bottom = _share(left + width), _share(top + height)
    left, top = _share(left), _share(top)
    if right - left < _SMALLEST or bottom - top < _SMALLEST:
        raise ValueError(value)
    return ",".join(_written(number) for number in (left, top, right - left, bottom - top))


def clean_strokes(value: Any, most: int) -> str:
    """Return strokes as text; empty for none. They may come as text, or as a list of points or of lists of points.

    Raises ``ValueError`` for a point that is not in the picture, and for more than ``most`` points.
    """
    if value in ("", None):
        return ""
    strokes = _strokes_of_text(value, most) if isinstance(value, str) else _strokes_of_list(value)
    strokes = [one for one in strokes if one]
    if sum(len(one) for one in strokes) > most:
        raise ValueError(value)
    return "; ".join(
        " ".join(",".join(_written(_share(number)) for number in point) for point in one) for one in strokes
    )


def _strokes_of_text(text: str, most: int) -> list[list[Point]]:
    if len(text) > most * _LONGEST:
        raise ValueError(text)
    if text.lstrip().startswith("["):
        return _strokes_of_list(json.loads(text))
    return [[_pair(_numbers(point.split(","))) for point in one.split()] for one in text.split(";")]


def _strokes_of_list(value: Any) -> list[list[Point]]:
    if not isinstance(value, list):
        raise ValueError(value)
    strokes = (
        value if value and isinstance(value[0], list) and isinstance(value[0][0], list) else [[one] for one in value]
    )
    return [[_pair(_numbers(point)) for point in one] for one in strokes]


def _numbers(values: Any) -> list[float]:
    if not isinstance(values, list) or any(isinstance(one, bool) for one in values):
        raise ValueError(values)
    return [float(one) for one in values]


def _four(numbers: list[float]) -> Region:
    left, top, width, height = numbers
    return left, top, width, height


def _pair(numbers: list[float]) -> Point:
    x, y = numbers
    return x, y


def _share(number: float) -> float:
    """Return a share, rounded. Raises ``ValueError`` outside of 0…1."""
    rounded = round(number, _PLACES) if math.isfinite(number) else -1.0
    if not 0 <= rounded <= 1:
        raise ValueError(number)
    return rounded


def _written(number: float) -> str:
    return f"{number:.{_PLACES}f}".rstrip("0").rstrip(".") or "0"
