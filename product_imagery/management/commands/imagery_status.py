"""Show the progress of enhancements."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.management.base import ImageryCommand
from product_imagery.models import Enhancement

_FIGURES = ("total", "completed", "failed", "cancelled", "stalled", "open")


class Command(ImageryCommand):
    """Shows the latest twenty enhancements, or one with its failed items."""

    help = "Show the latest enhancements, or one with its failures."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="?", type=int, metavar="ID", help="of one enhancement")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        enhancements = Enhancement.objects.with_progress()
        if options["id"] is None:
            found = list(enhancements[:20])
        else:
            found = list(enhancements.filter(pk=options["id"]))
            if not found:
                raise CommandError(f"There is no enhancement {options['id']}.")
        facts = [_facts(enhancement) for enhancement in found]
        if options["id"] is not None:
            failures = found[0].items.exclude(error_message="")
            facts[0]["held_back"] = found[0].items.held_back().count()
            facts[0]["troubled"] = list(failures.values("label", "status", "error_code", "error_message"))
        if options["json"]:
            self.print_json(facts[0] if options["id"] is not None else facts)
            return
        self._print(facts)

    def _print(self, facts: list[dict[str, Any]]) -> None:
        head = ("id", "status", "operation", *_FIGURES)
        self.print_table(head, [[fact[name] for name in head] for fact in facts])
        if facts and facts[0].get("held_back"):
            self.stdout.write(f"{facts[0]['held_back']} pictures wait for a review before they are published.")
        for fact in [fact for fact in facts if fact["preparing"]]:
            self.stdout.write(f"  {fact['id']} is being prepared: {fact['unprepared']} pictures are not queued yet.")
        for item in facts[0].get("troubled", []) if facts else []:
            self.stdout.write(f"  {item['label']}: {item['error_message']}")
        if any(fact["stalled"] for fact in facts):
            self.stdout.write("Stalled pictures wait for your decision: see “imagery_decide”.")


def _facts(enhancement: Enhancement) -> dict[str, Any]:
    own = {"id": enhancement.pk, "status": enhancement.status, "operation": enhancement.operation}
    own |= {"preparing": enhancement.preparing, "unprepared": enhancement.unprepared}  # type: ignore[attr-defined]
    own |= {"left_out": enhancement.omitted, "note": enhancement.note}
    times = {"created_at": enhancement.created_at, "finished_at": enhancement.finished_at}
    return own | {name: getattr(enhancement, name) for name in _FIGURES} | times
