"""Show webhooks of providers, or process them again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.flows import inbound
from product_imagery.management.base import ImageryCommand
from product_imagery.models import WebhookDelivery


class Command(ImageryCommand):
    """Webhooks are only hints to poll, so processing one again does no harm."""

    help = "Show the latest webhooks of providers, or process some of them again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, metavar="ID", help="webhooks to process again")
        parser.add_argument("--forgotten", action="store_true", help="process those that were never processed")
        parser.add_argument(
            "--set-aside", action="store_true", help="show those that failed several times, with the reason"
        )
        parser.add_argument("--most", type=int, default=20, help="how many to show (20)")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["forgotten"]:
            self.stdout.write(f"{inbound.process_forgotten()} processed.")
        elif options["ids"]:
            self._process(options["ids"])
        else:
            self._show(options)

    def _process(self, ids: list[int]) -> None:
        found = WebhookDelivery.objects.select_related("credential").in_bulk(ids)
        missing = [str(pk) for pk in ids if pk not in found]
        if missing:
            raise CommandError(f"There is no webhook {', '.join(missing)}: nothing was processed.")
        failed = [pk for pk, delivery in found.items() if self._failed(delivery)]
        if failed:
            raise CommandError(f"{len(failed)} of {len(found)} webhooks could not be processed.")

    def _failed(self, delivery: WebhookDelivery) -> bool:
        reason = inbound.try_to_process(delivery)
        delivery.refresh_from_db()
        self.stdout.write(f"{delivery.pk}: {reason or delivery.outcome}")
        return bool(reason)

    def _show(self, options: dict[str, Any]) -> None:
        names = ("id", "received_at", "credential__label", "event_id", "processed_at", "set_aside_at", "outcome")
        chosen = WebhookDelivery.objects.set_aside() if options["set_aside"] else WebhookDelivery.objects.all()
        rows = list(chosen.values(*names)[: options["most"]])
        if options["json"]:
            self.print_json(rows)
        else:
            self.print_table(names, [row.values() for row in rows])
