"""Texts for people in code that knows no Django: marks for ``makemessages``, and the translation that Django provides.

``gettext_noop`` marks a text that is translated where it is shown. ``gettext`` and ``ngettext`` translate at once, with
the functions that the app installs at start-up; until then, as in an imaging process, they return the English text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class _Plural(Protocol):
    def __call__(self, singular: str, plural: str, number: int) -> str: ...


class Filled(str):
    """An English sentence with its values filled in, which remembers both, so that another process can translate it."""

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, values: Mapping[str, Any]) -> Filled:
        """Fill the values into the template."""
        filled = super().__new__(cls, template % values)
        filled.template, filled.values = template, values
        return filled


class _Template(str):
    """An English sentence: with ``%`` it becomes ``Filled``."""

    def __mod__(self, values: Any) -> Filled:
        return Filled(str(self), values)


def _english(message: str) -> str:
    return _Template(message)


def _english_plural(singular: str, plural: str, number: int) -> str:
    return _Template(singular if number == 1 else plural)


_translate: Callable[[str], str] = _english
_translate_plural: _Plural = _english_plural


def gettext_noop(message: str) -> str:
    """Return the message as it is: it is translated where it is shown."""
    return message


def gettext(message: str) -> str:
    """Return the message in the language that is active in this thread."""
    return _translate(message) if message else ""


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the form of a message that fits the number, in the language that is active in this thread."""
    return _translate_plural(singular, plural, number)


def translate_with(translate: Callable[[str], str], translate_plural: _Plural) -> None:
    """Use these functions for every translation of this process."""
    global _translate, _translate_plural
    _translate, _translate_plural = translate, translate_plural


def refill(template: str, values: Mapping[str, Any]) -> str:
    """Translate a sentence of another process: the template, and those of its values that are marked texts."""
    own = {name: gettext(value) if isinstance(value, str) else value for name, value in values.items()}
    return gettext(template) % own if own else gettext(template)
