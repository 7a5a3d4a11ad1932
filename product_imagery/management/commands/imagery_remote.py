"""What lies at a provider, from the shell: products, templates, collections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from product_imagery.exceptions import ImageryError
from product_imagery.flows import remote
from product_imagery.management.door import ImageryCommand, find_account, pairs
from product_imagery.provider_kit.remote import Verb


class Command(ImageryCommand):
    """Without a verb: what there is and what can be done with it. Nothing is deleted that was not named."""

    help = (
        "List, show, create and delete what lies at a provider; download collections; list the jobs there that are "
        "unknown here; clear up what ours left there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """``imagery_remote ACCOUNT [VERB RESOURCE [ID] [name=value …]]``."""
        parser.add_argument("account", help="name of the account")
        parser.add_argument("verb", nargs="?", choices=[*Verb, "unknown", "clear-up"])
        parser.add_argument("resource", nargs="?", help="such as products, templates, collections")
        parser.add_argument("values", nargs="*", metavar="ID | name=value")
        parser.add_argument("--to", type=Path, metavar="FILE", help="where a download goes")
        parser.add_argument("--days", type=int, default=30, help="clear-up: what ended at least so long ago (30)")
        parser.add_argument("--yes", action="store_true", help="clear-up: delete without asking")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        account = find_account(options["account"])
        if options["verb"] is None:
            facts = {name: [str(verb) for verb in one.verbs] for name, one in remote.resources(account).items()}
            if options["json"]:
                self.print_json(facts)
                return
            self.print_table(("resource", "what can be done"), [(name, ", ".join(can)) for name, can in facts.items()])
        elif options["verb"] == "clear-up":
            self._clear_up(account, options)
        elif options["verb"] == "unknown":
            self._unknown(account, options)
        elif not options["resource"]:
            raise CommandError(f"Say what: {', '.join(remote.resources(account)) or 'nothing lies there'}.")
        else:
            self._manage(account, Verb(options["verb"]), options)

    def _manage(self, account: Any, verb: Verb, options: dict[str, Any]) -> None:
        identity = next((value for value in options["values"] if "=" not in value), "")
        values = pairs([value for value in options["values"] if "=" in value])
        if verb is Verb.DOWNLOAD:
            path = options["to"] or Path(f"{options['resource']}-{identity}.zip")
            files = remote.download(account, options["resource"], identity, path)
            self.stdout.write(f"{files} files in {path}.")
            return
        told = remote.manage(account, options["resource"], verb, identity, values)
        if verb is not Verb.LIST or options["json"]:
            self.print_json(told if told is not None else {"done": str(verb)})
            return
        self._print_entries(told)

    def _unknown(self, account: Any, options: dict[str, Any]) -> None:
        found = remote.unknown(account)
        if options["json"]:
            self.print_json(found)
            return
        if found:
            self._print_entries(found)
            self.stdout.write("After a restore: cancel what waits here for the same pictures before you resume.")
        else:
            self.stdout.write("Everything in the provider's list is known here.")

    def _print_entries(self, entries: list[dict[str, Any]]) -> None:
        columns = list(dict.fromkeys(name for one in entries for name, value in one.items() if not _is_nested(value)))
        self.print_table(columns, [[one.get(name, "") for name in columns] for one in entries])

    def _clear_up(self, account: Any, options: dict[str, Any]) -> None:
        found = remote.leftovers(account, options["days"])
        if not found:
            self.stdout.write("Nothing of ours lies there any longer than that.")
            return
        for leftover in found:
            self.stdout.write(f"{leftover.id}  {leftover.name}  enhancement {leftover.job.enhancement_id}")
        self.stdout.write("Whether their generations stay at the provider is not documented; ours are in your storage.")
        if not options["yes"] and input(f"Delete these {len(found)} there? [y/N] ").strip().lower() != "y":
            self.stdout.write("Nothing was deleted.")
            return
        done = 0
        for leftover in found:
            try:
                remote.clear(account, leftover)
            except ImageryError as error:
                raise CommandError(f"{done} of {len(found)} deleted, then: {error.message}") from error
            done += 1
        self.stdout.write(f"{done} deleted.")


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)
