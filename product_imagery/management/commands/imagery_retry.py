"""Retry the failed pictures of an enhancement."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery import history
from product_imagery.flows.enhancements import retry
from product_imagery.management.base import ImageryCommand
from product_imagery.models import Enhancement


class Command(ImageryCommand):
    """Queues failed and cancelled pictures again. Those that are already paid for are only fetched."""

    help = "Queue the failed and cancelled pictures of an enhancement again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int, metavar="ID", help="of the enhancement")
        parser.add_argument("--failed", action="store_true", help="only failed pictures, not cancelled ones")
        self.add_user(parser)
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.user(options)
        enhancement = Enhancement.objects.filter(pk=options["id"]).first()
        if enhancement is None:
            raise CommandError(f"There is no enhancement {options['id']}.")
        free = enhancement.items.to_collect().count()
        count = retry.retry(enhancement, only_failed=options["failed"])
        history.retried(user, enhancement, count, free)
        if options["json"]:
            self.print_json({"id": enhancement.pk, "pictures": count, "only_fetched": free})
        else:
            self.stdout.write(f"{count} pictures were queued again.")
            if free:
                self.stdout.write(f"Already paid for and only fetched, at no cost: {free}.")
