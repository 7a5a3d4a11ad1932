"""Readable names of published files, from names of products in any script."""

from __future__ import annotations

import importlib
import unicodedata
from collections.abc import Callable

from django.utils.text import slugify

_LONGEST = 60  #: characters
_MOST_BYTES = 160  #: in UTF-8: file systems allow 255 for the whole name


def readable(text: str, *, allow_unicode: bool = True) -> str:
    """Return a text as a part of a file name, or ``""``: letters, digits and hyphens, at most 60.

    Accents are dropped, since Latin letters stay readable without. Other letters are kept, or dropped with
    ``allow_unicode=False``.
    """
    plain = slugify(text)
    if allow_unicode and _letters(plain) < _letters(text):
        plain = slugify(unicodedata.normalize("NFC", text), allow_unicode=True)
    plain = plain[:_LONGEST]
    while len(plain.encode()) > _MOST_BYTES:
        plain = plain[:-1]
    return plain.strip("-_")


def transliterator() -> Callable[[str], str]:
    """Return the function of the package ``anyascii``. Raises ``ImportError`` where it is not installed."""
    transliterate: Callable[[str], str] = importlib.import_module("anyascii").anyascii
    return transliterate


def _letters(text: str) -> int:
    """Return how many letters and digits a text has; accents that are characters of their own are none."""
    return sum(character.isalnum() for character in unicodedata.normalize("NFC", text))
