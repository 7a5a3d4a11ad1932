"""Judgement of measured facts by a pack: for each rule pass, warn or fail, with the number and what is asked for."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import PurePath
from typing import Any

from product_imagery.rules.measure import LOWEST_WHITE
from product_imagery.rules.packs import Pack, Rule
from product_imagery.rules.wording import REMEDIES, sentence_of
from product_imagery.texts import gettext

_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "AVIF": (".avif",),
    "TIFF": (".tif", ".tiff"),
}
_SQUARE = 0.01  #: relative deviation up to which a ratio counts as the one that is asked for


class Level(enum.StrEnum):
    """Result of one rule. ``UNKNOWN``: it cannot be measured in this picture."""

    PASS = "pass"  # noqa: S105  no password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """Result of one rule on one picture. ``bound``: ``least``, ``most``, ``one_of`` or empty; ``asked``: its value."""

    rule: str
    level: Level
    measured: float | str | None
    asked: float | list[str] | None = None
    bound: str = ""

    @property
    def sentence(self) -> str:
        """Measured value and what is asked for, in the reader's language."""
        return sentence_of(self.rule, self.level, self.measured, self.asked, self.bound)

    @property
    def remedy(self) -> str:
        """Advice in the reader's language; empty for a rule that is met."""
        return gettext(REMEDIES[self.rule]) if self.level in (Level.WARN, Level.FAIL) else ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict for JSON, without sentences."""
        return asdict(self) | {"level": self.level.value}


def finding_of(stored: Mapping[str, Any]) -> Finding:
    """Return the finding that ``as_dict`` described."""
    return Finding(**{**stored, "level": Level(stored["level"])})


def judge(
    facts: Mapping[str, Any], pack: Pack, *, day: date, name: str = "", tolerance: int = 0, mark: str = ""
) -> list[Finding]:
    """Return a finding for each rule that holds on ``day``.

    ``name`` is that of the file; ``tolerance`` levels of 255 are allowed between the ground and white; ``mark`` is the
    origin mark that the picture has to carry, if its origin is known.
    """
    known = {**facts, "mark": _kept(facts["mark"], mark), **_of_name(facts, name)}
    return [_judged(rule, known, tolerance) for rule in pack.rules_on(day).values()]


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level of findings; ``PASS`` where nothing is known to be wrong."""
    levels = {finding.level for finding in findings}
    return Level.FAIL if Level.FAIL in levels else Level.WARN if Level.WARN in levels else Level.PASS


def _kept(found: str, expected: str) -> str | None:
    """Compare the origin mark with the expected one; without either, the origin is unknown."""
    if not expected:
        return "kept" if found else None
    return "kept" if found == expected else "lost"


def _of_name(facts: Mapping[str, Any], name: str) -> dict[str, str | None]:
    if not name:
        return {"ending": None, "file_name": None}
    path = PurePath(name)
    matches = path.suffix.lower() in _SUFFIXES.get(str(facts["format"]), ())
    plain = all(letter.isascii() and (letter.isalnum() or letter in "-_.") for letter in path.name)
    return {"ending": "matching" if matches else "other", "file_name": "plain" if plain else "special"}


def _judged(rule: Rule, facts: Mapping[str, Any], tolerance: int) -> Finding:
    measured = _white(rule, facts, tolerance) if rule.measure == "white" else facts[rule.measure]
    if measured is None:
        return Finding(rule.measure, Level.UNKNOWN, None)
    for level, below, above, unless in (
        (Level.FAIL, rule.fail_below, rule.fail_above, rule.fail_unless),
        (Level.WARN, rule.warn_below, rule.warn_above, rule.warn_unless),
    ):
        if below is not None and measured < below:
            return Finding(rule.measure, level, measured, below, "least")
        if above is not None and measured > above:
            return Finding(rule.measure, level, measured, above, "most")
        if unless and not _is_one_of(measured, unless):
            return Finding(rule.measure, level, measured, list(unless), "one_of")
    return Finding(rule.measure, Level.PASS, measured)


def _white(rule: Rule, facts: Mapping[str, Any], tolerance: int) -> float | None:
    share: float | None = facts["white"].get(str(max(LOWEST_WHITE, rule.level - tolerance)))
    return share


def _is_one_of(measured: Any, good: tuple[str, ...]) -> bool:
    if isinstance(measured, float):
        return any(abs(measured / ratio_of(one) - 1) <= _SQUARE for one in good)
    return measured in good


def ratio_of(text: str) -> float:
    """Return width divided by height for ``"4:5"``."""
    width, _colon, height = text.partition(":")
    return float(width) / float(height)
