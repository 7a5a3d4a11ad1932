"""List products whose pictures a marketplace would refuse."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date
from typing import Any

from django.core.management.base import CommandParser
from tqdm import tqdm

from product_imagery.conf import get_settings
from product_imagery.flows.audit import Audited, audit, stored
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.management.base import ImageryCommand, bar_is_wanted, find_description
from product_imagery.rules.check import Checker
from product_imagery.rules.judge import Finding, Level
from product_imagery.rules.packs import pack_of

_COLUMNS = ("product", "name", "picture", "file", "pack", "level", "rules", "reasons")
_FORMULA = ("=", "+", "-", "@", "\t")  #: with which a text in a table is taken for a formula


class Command(ImageryCommand):
    """Writes while it reads, so memory does not grow with the catalogue. Exits with 1 if a picture would be refused."""

    help = "List products whose pictures a marketplace would refuse. Changes and costs nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="the registered model, as app.Model")
        parser.add_argument("--rules", action="append", required=True, metavar="PACK", help="may be repeated")
        parser.add_argument("--warnings", action="store_true", help="also pictures that are accepted, but not advised")
        parser.add_argument("--every", action="store_true", help="all pictures of a product, not only the first one")
        parser.add_argument(
            "--day", type=date.fromisoformat, metavar="YYYY-MM-DD", help="rules of this day, not of today"
        )
        parser.add_argument("--store", action="store_true", help="keep what is found for the page of the admin")
        parser.add_argument("--csv", action="store_true", help="print a table for spreadsheets")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        description = find_description(options["model"])
        packs = tuple(pack_of(name) for name in options["rules"])
        settings, refused = get_settings(), 0
        keys = description.model._default_manager.order_by("pk").values_list("pk", flat=True)
        write = self._write_csv if options["csv"] else self._write_json if options["json"] else self._write_text
        with closing(ImagingPool(settings.pool_limits())) as pool:
            checker = Checker(pool, settings.bounds(), options["day"] or date.today())
            found = audit(description, keys.iterator(chunk_size=2000), packs, checker, every=options["every"])
            found = stored(description, packs, found) if options["store"] else found
            bar = tqdm(found, unit="picture", disable=not bar_is_wanted(options))
            wanted = (Level.FAIL, Level.WARN) if options["warnings"] else (Level.FAIL,)
            for one in write(one for one in bar if one.level in wanted):
                refused += one.level == Level.FAIL
        if refused:
            raise SystemExit(1)

    def _write_text(self, found: Iterable[Audited]) -> Iterator[Audited]:
        for one in found:
            self.stdout.write(f"{one.picture.object_id}  {one.picture.label}  {one.pack.label}: {one.level.value}")
            for finding in _reasons(one):
                self.stdout.write(f"  {finding.level.value}  {finding.sentence}")
            yield one

    def _write_csv(self, found: Iterable[Audited]) -> Iterator[Audited]:
        table = csv.writer(self.stdout)
        table.writerow(_COLUMNS)
        for one in found:
            row = [*_facts(one), " ".join(_rules(one)), " ".join(finding.sentence for finding in _reasons(one))]
            table.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row])
            yield one

    def _write_json(self, found: Iterable[Audited]) -> Iterator[Audited]:
        self.stdout.write("[", ending="")
        for number, one in enumerate(found):
            facts = dict(zip(_COLUMNS, _facts(one), strict=False)) | {"rules": _rules(one)}
            facts["reasons"] = [finding.sentence for finding in _reasons(one)]
            self.stdout.write((",\n" if number else "\n") + json.dumps(facts, ensure_ascii=False), ending="")
            yield one
        self.stdout.write("\n]")


def _facts(one: Audited) -> list[str]:
    picture = one.picture
    return [picture.object_id, picture.label, picture.slot, one.file, one.pack.name, one.level.value]


def _reasons(one: Audited) -> list[Finding]:
    return [*one.at(Level.FAIL), *one.at(Level.WARN)]


def _rules(one: Audited) -> list[str]:
    return [finding.rule for finding in _reasons(one)]
