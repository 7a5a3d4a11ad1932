"""Readable names of published files, in any script."""

from __future__ import annotations

import pytest

from product_imagery.products.names import readable


@pytest.mark.parametrize(
    ("text", "name", "plain"),
    [
        ("Blue Ünit / 5", "blue-unit-5", "blue-unit-5"),
        ("Straße 5", "straße-5", "strae-5"),
        ("Футбольный мяч", "футбольный-мяч", ""),
        ("足球 2", "足球-2", "2"),
        ("!!!", "", ""),
    ],
)
def test_letters_of_every_script_are_kept_unless_the_shop_wants_ascii(text: str, name: str, plain: str) -> None:
    assert (readable(text), readable(text, allow_unicode=False)) == (name, plain)


def test_a_long_name_fits_every_file_system() -> None:
    assert len(readable("a" * 200)) == 60
    assert len(readable("足" * 200).encode()) <= 160
