"""Packs: the rules of a marketplace for the first picture of a product, one TOML file for each in ``data``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from product_imagery.exceptions import RequestError
from product_imagery.texts import gettext

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class Rule:
    """Bounds of one measure. ``holds_on`` a day from ``since`` up to, but not including, ``until``.

    A number below ``fail_below`` or above ``fail_above`` is refused by the marketplace; beyond ``warn_…`` it is
    accepted, but not advised. For other measures, ``fail_unless`` and ``warn_unless`` list good values. ``level``: from
    this level of 255 a pixel counts as white.
    """

    measure: str
    fail_below: float | None = None
    fail_above: float | None = None
    warn_below: float | None = None
    warn_above: float | None = None
    fail_unless: tuple[str, ...] = ()
    warn_unless: tuple[str, ...] = ()
    level: int = 255
    since: date = date.min
    until: date = date.max

    def holds_on(self, day: date) -> bool:
        """Return true if the marketplace asks for this on that day."""
        return self.since <= day < self.until

    @property
    def least(self) -> float:
        """Smallest good number, 0 without one."""
        return max(self.fail_below or 0, self.warn_below or 0)

    @property
    def most(self) -> float:
        """Largest good number, infinite without one."""
        bounds = [bound for bound in (self.fail_above, self.warn_above) if bound is not None]
        return min(bounds, default=float("inf"))


@dataclass(frozen=True)
class Pack:
    """Rules of one marketplace.

    ``checked_on``: the day on which they were compared with the ``sources``; ``official``: a source is the
    marketplace's own page. ``options``: those of ``white_background`` that make a picture for it.
    """

    name: str
    label: str
    version: int
    checked_on: date
    official: bool
    sources: tuple[str, ...]
    rules: tuple[Rule, ...]
    options: Mapping[str, Any]

    def rules_on(self, day: date) -> dict[str, Rule]:
        """Return the rules that hold on a day, by measure."""
        return {rule.measure: rule for rule in self.rules if rule.holds_on(day)}


def pack_of(name: str) -> Pack:
    """Return a pack by its name. Raises ``RequestError``, naming those that there are."""
    known = packs()
    if name not in known:
        sentence = gettext("There is no rule pack “%(name)s”. There are: %(known)s.")
        raise RequestError(sentence % {"name": name, "known": ", ".join(known)}, code="unknown_pack")
    return known[name]


@cache
def packs() -> dict[str, Pack]:
    """Return all packs by name, in alphabetical order."""
    return {path.stem: _read(path) for path in sorted(_DATA.glob("*.toml"))}


def _read(path: Path) -> Pack:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    rules = tuple(_rule(one) for one in data.pop("rules"))
    sources, options = tuple(data.pop("sources")), data.pop("options", {})
    return Pack(name=path.stem, sources=sources, rules=rules, options=options, **data)


def _rule(data: dict[str, Any]) -> Rule:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Rule(**values)
