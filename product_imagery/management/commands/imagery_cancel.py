"""Cancel an enhancement."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery import history
from product_imagery.flows.enhancements import cancel
from product_imagery.management.base import ImageryCommand
from product_imagery.models import Enhancement


class Command(ImageryCommand):
    """Cancels the pictures that have not been sent. Those that have been sent are finished."""

    help = "Cancel the pictures of an enhancement that have not begun."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int, metavar="ID", help="of the enhancement")
        self.add_user(parser)
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.user(options)
        enhancement = Enhancement.objects.filter(pk=options["id"]).first()
        if enhancement is None:
            raise CommandError(f"There is no enhancement {options['id']}.")
        count = cancel.cancel(enhancement)
        history.cancelled(user, enhancement, count)
        if options["json"]:
            self.print_json({"id": enhancement.pk, "pictures": count})
        else:
            self.stdout.write(f"{count} pictures were cancelled.")
