"""Manage resources at a provider: products, templates, collections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.exceptions import ImageryError
from product_imagery.flows.hosted import resources
from product_imagery.management.base import ImageryCommand, find_credential, pairs
from product_imagery.provider_kit.remote import Verb


class Command(ImageryCommand):
    """Lists resources and their verbs if no verb is given. Deletes only what is named."""

    help = (
        "List, show, create and delete resources at a provider; download collections; list jobs there that are "
        "unknown here; delete what our own jobs left there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``ACCOUNT [VERB RESOURCE [ID] [name=value …]]``."""
        parser.add_argument("account", help="name of the account")
        parser.add_argument("verb", nargs="?", choices=[*Verb, "unknown", "clear-up"], help="what is done")
        parser.add_argument("resource", nargs="?", help="such as products, templates, collections")
        parser.add_argument("values", nargs="*", metavar="ID | name=value", help="of the resource")
        parser.add_argument("--to", type=Path, metavar="FILE", help="file for a download")
        parser.add_argument(
            "--days", type=int, default=30, help="clear-up: jobs that ended at least so many days ago (30)"
        )
        parser.add_argument("--yes", action="store_true", help="clear-up: delete without asking")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        credential = find_credential(options["account"])
        if options["verb"] is None:
            facts = {name: [str(verb) for verb in one.verbs] for name, one in resources.resources(credential).items()}
            if options["json"]:
                self.print_json(facts)
                return
            self.print_table(("resource", "what can be done"), [(name, ", ".join(can)) for name, can in facts.items()])
        elif options["verb"] == "clear-up":
            self._clear_up(credential, options)
        elif options["verb"] == "unknown":
            self._unknown(credential, options)
        elif not options["resource"]:
            raise CommandError(
                f"Choose a resource: {', '.join(resources.resources(credential)) or 'this provider has none'}."
            )
        else:
            self._manage(credential, Verb(options["verb"]), options)

    def _manage(self, credential: Any, verb: Verb, options: dict[str, Any]) -> None:
        identity = next((value for value in options["values"] if "=" not in value), "")
        values = pairs([value for value in options["values"] if "=" in value])
        if verb is Verb.DOWNLOAD:
            path = options["to"] or Path(f"{options['resource']}-{identity}.zip")
            files = resources.download(credential, options["resource"], identity, path)
            self.stdout.write(f"{files} files in {path}.")
            return
        found = resources.manage(credential, options["resource"], verb, identity, values)
        if verb is not Verb.LIST or options["json"]:
            self.print_json(found if found is not None else {"done": str(verb)})
            return
        self._print_entries(found)

    def _unknown(self, credential: Any, options: dict[str, Any]) -> None:
        found = resources.unknown(credential)
        if options["json"]:
            self.print_json(found)
            return
        if found:
            self._print_entries(found)
            self.stdout.write("After a restore: cancel work that waits here for the same pictures before you resume.")
        else:
            self.stdout.write("All jobs in the provider's list are known here.")

    def _print_entries(self, entries: list[dict[str, Any]]) -> None:
        columns = list(dict.fromkeys(name for one in entries for name, value in one.items() if not _is_nested(value)))
        self.print_table(columns, [[one.get(name, "") for name in columns] for one in entries])

    def _clear_up(self, credential: Any, options: dict[str, Any]) -> None:
        found = resources.leftovers(credential, options["days"])
        if not found:
            self.stdout.write("Our jobs left nothing there that is as old as that.")
            return
        for leftover in found:
            self.stdout.write(f"{leftover.id}  {leftover.name}  enhancement {leftover.job.enhancement_id}")
        self.stdout.write(
            "It is not documented whether the provider then deletes their generations; your storage has them."
        )
        if not options["yes"] and input(f"Delete these {len(found)} there? [y/N] ").strip().lower() != "y":
            self.stdout.write("Nothing was deleted.")
            return
        done = 0
        for leftover in found:
            try:
                resources.clear(credential, leftover)
            except ImageryError as error:
                raise CommandError(f"{done} of {len(found)} deleted, then: {error.message}") from error
            done += 1
        self.stdout.write(f"{done} deleted.")


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)
