"""Check and repair of files in the pool of imaging processes, as commands and workers do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from product_imagery.exceptions import PictureError
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.rules.judge import Finding, Level, judge, worst
from product_imagery.rules.packs import Pack


@dataclass(frozen=True)
class Checker:
    """Tools and conditions of a check: ``limits`` of readable pictures, the ``day``, the ``tolerance`` of white."""

    pool: ImagingPool
    limits: dict[str, int]
    day: date
    tolerance: int = 0

    def check(self, path: Path, pack: Pack, *, name: str = "", mark: str = "") -> list[Finding]:
        """Return the findings of a pack for a file. ``name``, ``mark``: see ``judge``. Raises ``EngineError``."""
        return self.check_all(path, (pack,), name=name, mark=mark)[pack.name]

    def check_all(
        self, path: Path, packs: tuple[Pack, ...], *, name: str = "", mark: str = ""
    ) -> dict[str, list[Finding]]:
        """Return the findings of several packs by their names, with one measurement. Raises ``EngineError``."""
        try:
            facts = self.pool.run("product_imagery.rules.measure:measure", source=str(path), limits=self.limits)
        except PictureError as error:
            return {pack.name: [Finding("readable", Level.FAIL, error.message)] for pack in packs}
        return {pack.name: self._judge(facts, pack, name, mark) for pack in packs}

    def repair(self, path: Path, pack: Pack, stem: Path) -> Repaired:
        """Write a better copy of a file to ``stem`` with an ending. Raises ``PictureError``, ``EngineError``."""
        call = "product_imagery.rules.repair:repair"
        arguments = {"source": str(path), "stem": str(stem), "pack": pack.name, "day": self.day.isoformat()}
        made = self.pool.run(call, **arguments, limits=self.limits)
        return Repaired(Path(made["file"]["path"]), tuple(made["steps"]), made["facts"], self, pack)

    def _judge(self, facts: dict[str, Any], pack: Pack, name: str, mark: str) -> list[Finding]:
        return judge(facts, pack, day=self.day, name=name, tolerance=self.tolerance, mark=mark)


@dataclass(frozen=True)
class Repaired:
    """A copy that was written: its path, codes of what was done (``repair.STEPS``), and its measured facts."""

    path: Path
    steps: tuple[str, ...]
    facts: dict[str, Any]
    checker: Checker
    pack: Pack

    def findings(self, name: str) -> list[Finding]:
        """Return the findings for the copy under a file name."""
        rules = self.checker
        return judge(self.facts, self.pack, day=rules.day, name=name, tolerance=rules.tolerance)


def is_refused(findings: list[Finding]) -> bool:
    """Return true if a marketplace would refuse the picture."""
    return worst(findings) == Level.FAIL
