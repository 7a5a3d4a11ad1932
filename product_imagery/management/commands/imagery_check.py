"""Check picture files by the rules of marketplaces, and write repaired copies."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.text import slugify

from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.management.base import ImageryCommand
from product_imagery.rules.check import Checker, is_refused
from product_imagery.rules.judge import Finding, Level, worst
from product_imagery.rules.packs import Pack, pack_of, packs
from product_imagery.rules.repair import STEPS
from product_imagery.storage.scratch import TEMPORARY
from product_imagery.texts import gettext


@dataclass(frozen=True)
class Checked:
    """Findings of a pack for a file; with a repair, those for the copy as well, or why there is none."""

    path: Path
    pack: Pack
    findings: list[Finding]
    copy: Path | None = None
    steps: tuple[str, ...] = ()
    after: list[Finding] | None = None
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """True if the file, or its copy, would be accepted."""
        return not is_refused(self.findings if self.after is None else self.after)


class Command(ImageryCommand):
    """Uses no database. Exits with 1 if a file, or its repaired copy, breaks a rule."""

    help = "Check picture files by the rules of marketplaces; --fix writes repaired copies. Needs no database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="pictures")
        parser.add_argument("--rules", action="append", default=[], metavar="PACK", help="may be repeated")
        parser.add_argument("--list", action="store_true", help="print the packs with version, date and source")
        parser.add_argument(
            "--day", type=date.fromisoformat, metavar="YYYY-MM-DD", help="rules of this day, not of today"
        )
        parser.add_argument(
            "--tolerance", type=int, default=0, metavar="N", help="levels of 255 between the ground and white"
        )
        parser.add_argument("--fix", action="store_true", help="write repaired copies of files that break a rule")
        parser.add_argument("--out", type=Path, metavar="FOLDER", help="for the copies; by default beside the files")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            self._print_packs(options)
            return
        if not options["files"] or not options["rules"]:
            raise CommandError("Give files, and at least one pack with --rules. --list prints them.", returncode=2)
        missing = next((path for path in options["files"] if not path.is_file()), None)
        if missing:
            raise CommandError(f"There is no file {missing}.", returncode=2)
        chosen = tuple(pack_of(name) for name in options["rules"])
        done = []
        for checked in self._check(options["files"], chosen, options):
            done.append(checked)
            if not options["json"]:
                self._print(checked)
        if options["json"]:
            self.print_json([_as_json(checked) for checked in done])
        if not all(checked.is_good for checked in done):
            raise SystemExit(1)

    def _check(self, files: list[Path], chosen: tuple[Pack, ...], options: dict[str, Any]) -> Iterator[Checked]:
        """Yield the results in the order of the files, of which several are examined at once."""
        limits = get_settings().pool_limits()
        with closing(ImagingPool(limits)) as pool, ThreadPoolExecutor(limits.processes) as threads:
            day = options["day"] or date.today()
            checker = Checker(pool, get_settings().bounds(), day, options["tolerance"])
            for found in threads.map(partial(_examine, checker, chosen), files):
                for checked in found:
                    may_fix = options["fix"] and not checked.is_good
                    suffix = "" if options["out"] and len(chosen) == 1 else f"-{checked.pack.name}"
                    yield _fixed(checked, checker, options["out"], suffix) if may_fix else checked

    def _print(self, checked: Checked) -> None:
        self.stdout.write(f"{checked.path}  {checked.pack.label}: {worst(checked.findings).value}")
        self._print_findings(checked.findings)
        if checked.problem:
            self.stdout.write(f"  not repaired: {checked.problem}")
        if checked.after is not None:
            what = "; ".join(gettext(STEPS[step]) for step in checked.steps) or "written again"
            self.stdout.write(f"  repaired copy: {checked.copy} ({what}): {worst(checked.after).value}")
            self._print_findings(checked.after)

    def _print_findings(self, findings: list[Finding]) -> None:
        for finding in findings:
            if finding.level in (Level.WARN, Level.FAIL):
                self.stdout.write(f"  {finding.level.value}  {finding.sentence} {finding.remedy}")

    def _print_packs(self, options: dict[str, Any]) -> None:
        facts = [
            {"name": one.name, "label": one.label, "version": one.version, "checked_on": one.checked_on,
             "official": one.official, "sources": one.sources}
            for one in packs().values()
        ]  # fmt: skip
        if options["json"]:
            self.print_json(facts)
        else:
            rows = [(one["name"], one["version"], one["checked_on"], one["sources"][0]) for one in facts]  # type: ignore[index]
            self.print_table(("pack", "version", "checked on", "source"), rows)


def _examine(checker: Checker, chosen: tuple[Pack, ...], path: Path) -> list[Checked]:
    try:
        found = checker.check_all(path, chosen, name=path.name)
    except ImageryError as error:  # such as one that takes too long
        found = {pack.name: [Finding("readable", Level.FAIL, error.message)] for pack in chosen}
    return [Checked(path, pack, found[pack.name]) for pack in chosen]


def _fixed(checked: Checked, checker: Checker, out: Path | None, suffix: str) -> Checked:
    """Write a repaired copy if it breaks fewer rules than the file; an existing file is never overwritten."""
    broken = _broken(checked.findings)
    if "readable" in broken:
        return replace(checked, problem="it cannot be read")
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as folder:
        made = checker.repair(checked.path, checked.pack, Path(folder, "copy"))
        stem = (slugify(checked.path.stem) or "picture") if "file_name" in broken else checked.path.stem
        target = (out or checked.path.parent) / f"{stem}{suffix}{made.path.suffix}"
        after = made.findings(target.name)
        if len(_broken(after)) >= len(broken):
            return replace(checked, problem="a copy would break as many rules")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with made.path.open("rb") as source, target.open("xb") as copy:
                shutil.copyfileobj(source, copy)
        except FileExistsError:
            return replace(checked, problem=f"{target} exists already and is not overwritten")
    return replace(checked, copy=target, steps=made.steps, after=after)


def _broken(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings if finding.level == Level.FAIL}


def _as_json(checked: Checked) -> dict[str, Any]:
    facts: dict[str, Any] = {"file": str(checked.path), "pack": checked.pack.name, "version": checked.pack.version}
    facts |= {"level": worst(checked.findings), "findings": [_shown(one) for one in checked.findings]}
    if checked.after is not None:
        facts["copy"] = {"file": str(checked.copy), "steps": checked.steps, "level": worst(checked.after)}
        facts["copy"]["findings"] = [_shown(one) for one in checked.after]
    return facts | ({"problem": checked.problem} if checked.problem else {})


def _shown(finding: Finding) -> dict[str, Any]:
    return finding.as_dict() | {"sentence": finding.sentence, "remedy": finding.remedy}
