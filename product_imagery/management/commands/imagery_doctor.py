"""Is it healthy? For people, and as a watchdog for supervisors."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from product_imagery.doctor.looks import look_at_everything
from product_imagery.management.door import ImageryCommand


class Command(ImageryCommand):
    """Exit code 1 when something needs a person or a restart of the workers."""

    help = (
        "Check settings, database, storages, engine, providers and workers, each for some seconds at most. "
        "Exits with 1 when due work has not moved for 60 seconds, or when something else needs a person."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How."""
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print all findings; one look that fails or hangs does not keep the others from running."""
        findings = look_at_everything()
        if options["json"]:
            self.print_json([finding.as_json() for finding in findings])
        else:
            rows = [(one.what, "ok" if one.ok else "PROBLEM", one.detail) for one in findings]
            self.print_table(("what", "state", ""), rows)
        if not all(finding.ok for finding in findings):
            raise SystemExit(1)
