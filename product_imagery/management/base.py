"""Base class and helpers of the commands: exit codes for errors, tables or JSON for facts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from product_imagery.exceptions import ImageryError
from product_imagery.models import ProviderCredential
from product_imagery.products import ProductImages, description_of


class ImageryCommand(BaseCommand):
    """Base class of the commands.

    An ``ImageryError`` ends the command with its message and exit code 1; bad arguments end it with exit code 2.
    """

    requires_system_checks = ()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command and turn ``ImageryError`` into ``CommandError``."""
        try:
            return super().execute(*args, **options)
        except ImageryError as error:
            raise CommandError(f"{error.message}{f' ({error.detail})' if error.detail else ''}") from error

    def add_json(self, parser: CommandParser) -> None:
        """Add the option ``--json``."""
        parser.add_argument("--json", action="store_true", help="print facts as JSON")

    def add_user(self, parser: CommandParser) -> None:
        """Add the option ``--user``."""
        parser.add_argument("--user", metavar="NAME", help="the person in whose name this is done, for the history")

    def user(self, options: dict[str, Any]) -> AbstractBaseUser | None:
        """Return the person whom ``--user`` names, or ``None`` without it. Raises ``CommandError``."""
        users: Any = get_user_model()
        if not options["user"]:
            return None
        try:
            person: AbstractBaseUser = users._default_manager.get_by_natural_key(options["user"])
        except users.DoesNotExist:
            raise CommandError(f"There is no user “{options['user']}”.", returncode=2) from None
        return person

    def print_json(self, facts: Any) -> None:
        """Print facts as JSON."""
        self.stdout.write(json.dumps(facts, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))

    def print_table(self, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Print rows in aligned columns under the names in ``head``."""
        cells = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(row[k]) for row in [list(head), *cells]) for k in range(len(head))]
        for row in [list(head), ["-" * width for width in widths], *cells]:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Parse ``KEY=VALUE`` texts into a dict. Raises ``CommandError``."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"“{text}” is not KEY=VALUE.", returncode=2)
        found[key.strip()] = value
    return found


def find_credential(label: str) -> ProviderCredential:
    """Return the credential with this label. Raises ``CommandError``, which lists the existing labels."""
    try:
        return ProviderCredential.objects.get(label=label)
    except ProviderCredential.DoesNotExist:
        known = ", ".join(ProviderCredential.objects.values_list("label", flat=True)) or "none"
        raise CommandError(f"There is no account “{label}”. There are: {known}.", returncode=2) from None


def find_description(name: str) -> ProductImages:
    """Return the description of the model ``app.Model``. Raises ``CommandError``, ``RegistrationError``."""
    try:
        return description_of(apps.get_model(name))
    except (LookupError, ValueError) as error:
        raise CommandError(f"There is no model {name}. Write app.Model, as in shop.Product.", returncode=2) from error


def bar_is_wanted(options: dict[str, Any]) -> bool:
    """Return whether to show a progress bar: on a terminal, but not with ``--json`` or ``--verbosity 0``."""
    return sys.stderr.isatty() and not options.get("json") and options["verbosity"] > 0
