"""Texts of plain Python: translated at once in this process, and by the parent where an imaging process wrote them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation
from PIL import Image

from product_imagery import texts
from product_imagery.exceptions import EngineError, PictureError
from product_imagery.imaging.kinds import format_of
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.sandbox import ImagingPool, PoolLimits

_GERMAN = {
    "The picture has %(width)s×%(height)s pixels; each side needs at least %(least)s.": (
        "Das Bild hat %(width)s×%(height)s Pixel; jede Seite braucht mindestens %(least)s."
    ),
    "This is %(name)s: this kind of file is not accepted. Save the picture as JPEG, PNG or WebP.": "%(name)s?",
    "a GIF picture": "Ein GIF-Bild",
    "The picture could not be processed.": "Das Bild konnte nicht bearbeitet werden.",
    "one": "eins",
}


@pytest.fixture(autouse=True)
def german() -> Iterator[None]:
    texts.translate_with(
        lambda message: _GERMAN.get(message, message), lambda one, many, number: one if number == 1 else many
    )
    yield
    texts.translate_with(translation.gettext, translation.ngettext)


@pytest.fixture
def pool() -> Iterator[ImagingPool]:
    with contextlib.closing(ImagingPool(PoolLimits(processes=1, wall_seconds=20))) as small:
        yield small


def test_a_text_of_plain_python_is_translated_where_it_is_raised() -> None:
    with pytest.raises(PictureError) as caught:
        format_of(b"GIF89a" + bytes(40))
    assert caught.value.message == "Ein GIF-Bild?"


def test_a_sentence_of_an_imaging_process_is_translated_with_its_values(pool: ImagingPool, tmp_path: Path) -> None:
    path = tmp_path / "tiny.png"
    Image.new("RGB", (3, 2)).save(path)
    limits = {"max_bytes": 10**6, "max_pixels": 10**6, "max_side": 1000, "min_side": 16}
    with pytest.raises(PictureError) as caught:
        pool.run(
            "product_imagery.imaging.growth:check_source", source=str(path), growth=1.0, most=limits, limits=limits
        )
    assert Limits(**limits).min_side == 16
    assert caught.value.message == "Das Bild hat 3×2 Pixel; jede Seite braucht mindestens 16."


def test_a_value_of_an_imaging_process_that_is_a_text_itself_is_translated(pool: ImagingPool, tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    Image.new("RGB", (30, 20)).save(path)
    with pytest.raises(PictureError) as caught:
        pool.run("product_imagery.imaging.growth:check_source", source=str(path), growth=1.0, most={}, limits={})
    assert caught.value.message == "Ein GIF-Bild?"


def test_an_unforeseen_error_of_an_imaging_process_has_a_translated_sentence(pool: ImagingPool) -> None:
    with pytest.raises(EngineError) as caught:
        pool.run("tests.imaging.misbehave:fail")
    assert caught.value.message == "Das Bild konnte nicht bearbeitet werden."


def test_marks_and_numbers() -> None:
    assert texts.gettext_noop("one") == "one"
    assert texts.gettext("one") == "eins"
    assert texts.gettext("") == ""
    assert [texts.ngettext("picture", "pictures", number) for number in (1, 2)] == ["picture", "pictures"]
