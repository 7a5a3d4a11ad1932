"""Options of an operation: declaration and validation."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from product_imagery.exceptions import OptionError
from product_imagery.provider_kit.shares import clean_region, clean_strokes
from product_imagery.texts import gettext, gettext_noop

_RATIO = re.compile(r"^(source|\d{1,3}(\.\d+)?:\d{1,3}(\.\d+)?)$")
_MOST_POINTS = 200  #: of all strokes together
_COLOUR = re.compile(r"^#[0-9A-Fa-f]{6}$")


class Kind(enum.StrEnum):
    """Type of an option."""

    CHOICE = "choice"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    RATIO = "ratio"  #: ``width:height`` or ``source``
    COLOUR = "colour"  #: ``#RRGGBB``
    TEXT = "text"  #: at most ``maximum`` characters
    REGION = "region"  #: ``x,y,width,height`` in shares of the source picture, or empty
    STROKES = "strokes"  #: points ``x,y`` in such shares, with spaces between them and ``;`` between strokes, or empty
    URL = "url"  #: an https address that the provider fetches, or empty


@dataclass(frozen=True)
class Option:
    """One option. ``choices`` maps values to labels; ``minimum`` and ``maximum`` are inclusive.

    For texts they count characters. ``label`` is its name for people; without one it is made from ``name``. ``added``:
    the option was added to an offer that shops had used before. At its default it is no part of what tells two pieces
    of work apart, so that finished pictures still count as done. ``changes_picture`` is false for an option that
    changes only the file, or the number of pictures, and not what they show: somebody who wants another picture is not
    asked for it. ``one_picture``: the option is about what one certain picture shows, so a person is asked for it only
    where one picture is ordered, and not for a look or for many pictures.
    """

    name: str
    kind: Kind
    default: Any
    help: str = ""
    choices: Mapping[str, str] | None = None
    minimum: float | None = None
    maximum: float | None = None
    added: bool = False
    label: str = ""
    changes_picture: bool = True
    one_picture: bool = False

    def clean(self, value: Any) -> Any:
        """Return ``value``, which can be text from a form or shell, as the option's type. Raises ``OptionError``."""
        try:
            cleaned = _READERS[self.kind](value)
        except (TypeError, ValueError, LookupError, OverflowError) as error:
            raise self._refusal(value) from error
        if self.kind is Kind.CHOICE and cleaned not in (self.choices or {}):
            raise self._refusal(value)
        size = len(cleaned) if self.is_free_text else cleaned
        if self.minimum is not None and size < self.minimum:
            raise self._refusal(value)
        if self.maximum is not None and size > self.maximum:
            raise self._refusal(value)
        return cleaned

    @property
    def is_free_text(self) -> bool:
        """True if users write it freely, so that it may contain personal data."""
        return self.kind in (Kind.TEXT, Kind.URL)

    @property
    def required(self) -> bool:
        """True if the option has no usable default, so that a value must be given."""
        return self.kind is Kind.TEXT and bool(self.minimum) and not self.default

    @property
    def cleaned_default(self) -> Any:
        """The default as the option's type. Raises ``OptionError`` for one that does not fit."""
        return self.default if self.required else self.clean(self.default)

    def expects(self) -> str:
        """Return a phrase that describes the accepted values."""
        if self.kind is Kind.CHOICE:
            return gettext("one of %(values)s") % {"values": ", ".join(self.choices or {})}
        bounds = {"least": self.minimum or 0, "most": self.maximum or 0}
        if self.kind is Kind.TEXT:
            if self.minimum:
                return gettext("a text of %(least)g to %(most)g characters") % bounds
            return gettext("a text of at most %(most)g characters") % bounds
        kind = gettext(_EXPECTED[self.kind])
        if self.kind is not Kind.URL and self.minimum is not None and self.maximum is not None:
            return gettext("%(kind)s from %(least)g to %(most)g") % {"kind": kind, **bounds}
        return kind

    def _refusal(self, value: Any) -> OptionError:
        return OptionError(
            gettext("Option %(name)s: “%(value)s” does not fit; write %(expected)s.")
            % {"name": self.name, "value": value, "expected": self.expects()}
        )


def clean_options(declared: Iterable[Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all declared options, validated, with defaults for those not given.

    Raises ``OptionError``, also for an option that is not declared: nothing is dropped silently.
    """
    known = {option.name: option for option in declared}
    unknown = sorted(set(given) - set(known))
    if unknown:
        allowed = ", ".join(known) or gettext("none")
        raise OptionError(
            gettext("Unknown option %(option)s. This operation takes: %(allowed)s.")
            % {"option": unknown[0], "allowed": allowed}
        )
    return {name: option.clean(given.get(name, option.default)) for name, option in known.items()}


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}[
        str(value).strip().lower()
    ]


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
        raise ValueError(value)
    return int(value)


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError(value)
    return number


def _matching(pattern: re.Pattern[str]) -> Any:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not pattern.match(value.strip()):
            raise ValueError(value)
        return value.strip()

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(value)
    return value.strip()


def _url(value: Any) -> str:
    text = _text(value)
    if text and not text.startswith("https://"):
        raise ValueError(value)
    return text


_READERS = {
    Kind.URL: _url,
    Kind.TEXT: _text,
    Kind.CHOICE: str,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.REGION: clean_region,
    Kind.STROKES: lambda value: clean_strokes(value, _MOST_POINTS),
    Kind.RATIO: _matching(_RATIO),
    Kind.COLOUR: _matching(_COLOUR),
}
_EXPECTED = {
    Kind.URL: gettext_noop("an https address"),
    Kind.INTEGER: gettext_noop("a whole number"),
    Kind.NUMBER: gettext_noop("a number"),
    Kind.BOOLEAN: gettext_noop("true or false"),
    Kind.RATIO: gettext_noop("width:height, for example 4:5, or source"),
    Kind.COLOUR: gettext_noop("#RRGGBB, for example #FFFFFF"),
    Kind.REGION: gettext_noop("x,y,width,height in shares of the picture from 0 to 1, for example 0.1,0.2,0.5,0.6"),
    Kind.STROKES: gettext_noop(
        "at most 200 points x,y in shares of the picture from 0 to 1, for example 0.3,0.4; a space joins points to a "
        "stroke, and a semicolon begins another one"
    ),
}
