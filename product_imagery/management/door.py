"""What the commands share: errors become exit codes, facts become tables or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from product_imagery.exceptions import ImageryError
from product_imagery.models import ProviderCredential


class ImageryCommand(BaseCommand):
    """Base of the commands: an ``ImageryError`` ends with its sentence and exit code 1; bad arguments end with 2."""

    requires_system_checks = ()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run, and turn our errors into the shell's."""
        try:
            return super().execute(*args, **options)
        except ImageryError as error:
            raise CommandError(f"{error.message}{f' ({error.detail})' if error.detail else ''}") from error

    def add_json(self, parser: CommandParser) -> None:
        """The ``--json`` switch."""
        parser.add_argument("--json", action="store_true", help="print facts as JSON")

    def print_json(self, facts: Any) -> None:
        """Print facts as JSON."""
        self.stdout.write(json.dumps(facts, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))

    def print_table(self, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Print rows in columns."""
        cells = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(row[k]) for row in [list(head), *cells]) for k in range(len(head))]
        for row in [list(head), ["-" * width for width in widths], *cells]:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a dict. Raises ``CommandError``."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"“{text}” is not KEY=VALUE.", returncode=2)
        found[key.strip()] = value
    return found


def find_account(label: str) -> ProviderCredential:
    """The account of this name. Raises ``CommandError``, which names those that there are."""
    try:
        return ProviderCredential.objects.get(label=label)
    except ProviderCredential.DoesNotExist:
        known = ", ".join(ProviderCredential.objects.values_list("label", flat=True)) or "none"
        raise CommandError(f"There is no account “{label}”. There are: {known}.", returncode=2) from None


def bar_is_wanted(options: dict[str, Any]) -> bool:
    """A progress bar is for people: on a terminal, not with ``--json``, not when quiet."""
    return sys.stderr.isatty() and not options.get("json") and options["verbosity"] > 0
