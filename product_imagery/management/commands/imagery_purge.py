"""Delete personal texts of old enhancements, and old small pictures."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.conf import get_settings
from product_imagery.flows import retention
from product_imagery.management.base import ImageryCommand

_FROM_SETTINGS = -1


class Command(ImageryCommand):
    """Does once what workers do regularly, if RETENTION_DAYS and PREVIEW_DAYS are set."""

    help = (
        "Delete prompts, product names, source addresses and messages of enhancements that ended long ago. "
        "Pictures, spending and dates are kept. Such an enhancement cannot be repeated. "
        "With --previews, delete old small pictures instead."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, help="enhancements that ended more than so many days ago (default: RETENTION_DAYS)"
        )
        parser.add_argument(
            "--previews",
            type=int,
            nargs="?",
            const=_FROM_SETTINGS,
            metavar="DAYS",
            help="small pictures that were made more than so many days ago (default: PREVIEW_DAYS)",
        )
        parser.add_argument("--dry-run", action="store_true", help="only count them")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        previews, is_dry = options["previews"], options["dry_run"]
        facts: dict[str, Any] = {}
        if options["days"] or previews is None:
            facts |= self._forget(options["days"] or get_settings().retention_days, is_dry)
        if previews is not None:
            facts |= self._delete_previews(previews, is_dry)
        if options["json"]:
            self.print_json(facts)
            return
        would = "would be" if is_dry else "were"
        if "days" in facts:
            text = "{enhancements} enhancements that ended more than {days} days ago"
            self.stdout.write(f"{text.format(**facts)} {would} forgotten.")
        if "preview_days" in facts:
            text = "{previews} small pictures that were made more than {preview_days} days ago"
            self.stdout.write(f"{text.format(**facts)} {would} deleted.")

    def _forget(self, days: int, is_dry: bool) -> dict[str, Any]:
        """Forget old enhancements, and return facts about that. Raises ``CommandError``."""
        if days < 1:
            raise CommandError("The number of days is missing: give --days N, or set RETENTION_DAYS.")
        done = retention.forgettable(days).count() if is_dry else 0
        while not is_dry and (some := retention.forget(days)):
            done += some
        return {"days": days, "enhancements": done, "forgotten": not is_dry}

    def _delete_previews(self, days: int, is_dry: bool) -> dict[str, Any]:
        """Delete old small pictures, and return facts about that. Raises ``CommandError``."""
        days = get_settings().preview_days or _FROM_SETTINGS if days == _FROM_SETTINGS else days
        if days < 0:
            raise CommandError("The number of days is missing: give --previews N, or set PREVIEW_DAYS.")
        done = len(list(retention.old_previews(days))) if is_dry else retention.delete_previews(days)
        return {"preview_days": days, "previews": done, "deleted": not is_dry}
