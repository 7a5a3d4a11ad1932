"""Delete personal texts of old enhancements."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.conf import get_settings
from product_imagery.flows import retention
from product_imagery.management.base import ImageryCommand


class Command(ImageryCommand):
    """Does once what workers do regularly if RETENTION_DAYS is set."""

    help = (
        "Delete prompts, product names, source addresses and messages of enhancements that ended long ago. "
        "Pictures, spending and dates are kept. Such an enhancement cannot be repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, help="enhancements that ended more than so many days ago (default: RETENTION_DAYS)"
        )
        parser.add_argument("--dry-run", action="store_true", help="only count the enhancements")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"] or get_settings().retention_days
        if days < 1:
            raise CommandError("The number of days is missing: give --days N, or set RETENTION_DAYS.")
        done = 0
        if options["dry_run"]:
            done = retention.forgettable(days).count()
        else:
            while some := retention.forget(days):
                done += some
        if options["json"]:
            self.print_json({"days": days, "enhancements": done, "forgotten": not options["dry_run"]})
        else:
            would = "would be" if options["dry_run"] else "were"
            self.stdout.write(f"{done} enhancements that ended more than {days} days ago {would} forgotten.")
