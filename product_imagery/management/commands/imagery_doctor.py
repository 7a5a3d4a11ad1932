"""Health report, for people and for supervisors."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from product_imagery.doctor.probes import findings_for_command
from product_imagery.management.base import ImageryCommand


class Command(ImageryCommand):
    """Exits with 1 if a finding needs a person or a restart of the workers."""

    help = (
        "Check settings, database, storages, engine, providers and workers, each within some seconds. "
        "Exits with 1 if due work has made no progress for 60 seconds, or if something else needs a person."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print all findings. A check that fails or hangs does not stop the others."""
        findings = findings_for_command()
        if options["json"]:
            self.print_json([finding.as_json() for finding in findings])
        else:
            rows = [(one.what, "ok" if one.ok else "PROBLEM", one.detail) for one in findings]
            self.print_table(("what", "state", ""), rows)
        if not all(finding.ok for finding in findings):
            raise SystemExit(1)
