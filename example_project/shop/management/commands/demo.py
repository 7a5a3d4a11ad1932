"""Set up the example shop and enhance its pictures, in one command."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from example_project.shop.contact_sheet import draw_contact_sheet
from example_project.shop.models import Product
from example_project.shop.stock import stock_catalogue, stock_folder
from product_imagery import background, enhance
from product_imagery.conf import get_settings
from product_imagery.exceptions import NothingToDo
from product_imagery.management.base import ImageryCommand, bar_is_wanted
from product_imagery.management.progress import work_until_ended
from product_imagery.models import Enhancement
from product_imagery.providers.local.catalogue import MATTING
from product_imagery.providers.local.model import fetch

_USER = _PASSWORD = "demo"  # noqa: S105  the example shop listens on this machine only


class Command(ImageryCommand):
    """Uses the same flows as the admin."""

    help = "Fill the example shop with product photos and enhance all of them with the local engine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--images", type=Path, metavar="DIR", help="use the picture files in this folder")
        parser.add_argument("--preset", default="white", help="the look (default: white)")
        parser.add_argument("--review", action="store_true", help="leave the results for review instead of publishing")
        parser.add_argument("--serve", action="store_true", help="start the site afterwards")
        parser.add_argument("--port", type=int, default=8000)
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        if options["images"] and not options["images"].is_dir():
            raise CommandError(f"There is no folder {options['images']}.")
        call_command("migrate", verbosity=0)
        self._say(options, "Fetching the matting model (4.6 MB, once) …")
        fetch(MATTING, get_settings().models(), url=get_settings().model_url)
        products = stock_folder(options["images"]) if options["images"] else stock_catalogue()
        if not get_user_model().objects.filter(username=_USER).exists():
            get_user_model().objects.create_superuser(_USER, password=_PASSWORD)
        self._say(options, f"Enhancing {len(products)} photos …")
        enhancement = self._enhance(products, options)
        sheet = Path(settings.VAR_DIR) / "contact-sheet.jpg"
        draw_contact_sheet(enhancement, sheet)
        self._report(enhancement, sheet, time.monotonic() - began, options)
        if options["serve"]:
            call_command("runserver", f"127.0.0.1:{options['port']}", use_reloader=False)

    def _enhance(self, products: list[Product], options: dict[str, Any]) -> Enhancement:
        try:
            with background.awake():
                enhancement = enhance(
                    products,
                    preset=options["preset"],
                    channel=Enhancement.Channel.COMMAND,
                    auto_approve=not options["review"],
                ).enhancement
        except NothingToDo as error:
            latest = Enhancement.objects.first()
            if latest is None:
                raise
            self._say(options, error.message)
            return latest
        return work_until_ended(enhancement, bar=bar_is_wanted(options))

    def _report(self, enhancement: Enhancement, sheet: Path, seconds: float, options: dict[str, Any]) -> None:
        current = Enhancement.objects.with_progress().get(pk=enhancement.pk)
        figures = {name: getattr(current, name) for name in ("total", "completed", "failed")}
        admin = f"http://127.0.0.1:{options['port']}/admin/"
        items = enhancement.items.order_by("pk").values("label", "status", "error_code", "error_message")
        if options["json"]:
            self.print_json({**figures, "sheet": str(sheet), "admin": admin, "items": list(items)})
            return
        for item in items.exclude(error_message=""):
            self.stdout.write(f"  {item['label']}: {item['error_message']}")
        self.stdout.write(f"{figures['completed']} of {figures['total']} pictures completed in {seconds:.0f} s.")
        if held := enhancement.items.held_back().count():
            self.stdout.write(f"{held} of them wait for your review before they are published.")
        self.stdout.write(f"Before and after: {sheet}")
        if not options["serve"]:
            self.stdout.write(
                "Start the site: python manage.py runserver   and a worker: python manage.py imagery_worker"
            )
        self.stdout.write(
            f"Admin: {admin}  (user {_USER}, password {_PASSWORD})   Shop: http://127.0.0.1:{options['port']}/"
        )

    def _say(self, options: dict[str, Any], text: str) -> None:
        if not options["json"]:
            self.stdout.write(text)
