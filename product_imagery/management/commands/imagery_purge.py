"""Forget what people wrote long ago."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.conf import get_settings
from product_imagery.flows import forget
from product_imagery.management.door import ImageryCommand


class Command(ImageryCommand):
    """Workers do the same by themselves where RETENTION_DAYS is set."""

    help = (
        "Forget prompts, product names, source addresses and messages of enhancements that ended long ago. "
        "Pictures, spending and dates stay; such an enhancement cannot be made again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How long ago."""
        parser.add_argument("--days", type=int, help="ended more than so many days ago (default: RETENTION_DAYS)")
        parser.add_argument("--dry-run", action="store_true", help="only count them")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Count, or forget batch by batch."""
        days = options["days"] or get_settings().retention_days
        if days < 1:
            raise CommandError("Say after how many days: --days N, or the setting RETENTION_DAYS.")
        done = 0
        if options["dry_run"]:
            done = forget.forgettable(days).count()
        else:
            while some := forget.forget(days):
                done += some
        if options["json"]:
            self.print_json({"days": days, "enhancements": done, "forgotten": not options["dry_run"]})
        else:
            would = "would be" if options["dry_run"] else "were"
            self.stdout.write(f"{done} enhancements that ended more than {days} days ago {would} forgotten.")
