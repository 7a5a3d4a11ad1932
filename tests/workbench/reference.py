"""The pages of the documentation that are written from the code: python -m tests.workbench.reference"""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

DOCS = Path("docs")
_COMMANDS = """# Commands

`python -m tests.workbench.reference` writes this page from the commands. They end with exit code 0 if all went
well, 1 if something failed or needs a person, and 2 for arguments that cannot be. Facts go to standard output,
everything else to standard error.
"""
_SETTINGS = """# Settings

All settings are in one dict of your Django settings, `PRODUCT_IMAGERY = {…}`. Every key is optional. An unknown key,
or a value of the wrong kind, is an error. `python -m tests.workbench.reference` writes this page from the code.

| key | default | meaning |
|---|---|---|
"""
_PROVIDERS = """# Providers

`python -m tests.workbench.reference` writes this page from what each provider declares; `manage.py imagery_providers`
prints the same with the providers of other packages. The seconds are a first estimate, used until there are
measurements. Prices are those of the vendors' documents; what they charged is in the ledger.
"""
_FORMS = {
    "file": "The picture is read on this machine.",
    "url": "The vendor fetches the picture, so `PUBLIC_BASE_URL` has to be reachable from the internet.",
    "base64": "The picture is sent inside the request.",
    "name": "The vendor reads the picture from a storage that you share with it.",
}
_DJANGO_S = {
    "help",
    "version",
    "verbosity",
    "settings",
    "pythonpath",
    "traceback",
    "no_color",
    "force_color",
    "skip_checks",
}


def commands_page() -> str:
    """Return a section for each command, with its arguments, or those of each of its subcommands."""
    from django.core.management import load_command_class

    from product_imagery.management import commands

    sections = [_COMMANDS]
    for name in sorted(module.name for module in pkgutil.iter_modules(commands.__path__)):
        parser = load_command_class("product_imagery", name).create_parser("manage.py", name)
        sections.append("\n".join([f"## `{name}`", "", str(parser.description), *_arguments(parser), ""]))
    return "\n".join(sections)


def settings_page() -> str:
    """Return a row for each setting."""
    from product_imagery.conf import described

    return _SETTINGS + "".join(f"| `{key}` | `{default!r}` | {_cell(text)} |\n" for key, default, text in described())


def providers_page() -> str:
    """Return a section for each provider of this package: its operations with their options, and its limits."""
    from django.core.management import call_command

    from product_imagery.provider_kit.registry import all_providers

    own = [one for one in all_providers().values() if one.__module__.startswith("product_imagery.")]
    printed = StringIO()
    call_command("imagery_providers", "--json", stdout=printed)
    facts = json.loads(printed.getvalue())
    sections = [_PROVIDERS]
    for provider in sorted(own, key=lambda one: (one.needs_credential, str(one.label))):
        found = [one for one in facts if one["provider"] == provider.slug]
        notes = [f"- {note}" for note in _notes(provider, found[0])]
        sections.append("\n".join([f"## {provider.label}", "", *notes, *_operations(provider, found), ""]))
    return "\n".join(sections)


def _notes(provider: Any, fact: dict[str, Any]) -> Iterator[str]:
    """Yield what holds for all operations; ``fact`` is one of those that ``imagery_providers`` prints of it."""
    yield f"Its name in commands and the API is `{provider.slug}`. {_FORMS[fact['takes']]}"
    if provider.needs_credential:
        yield f"It needs an account: admin, *Credentials*, or `manage.py imagery_credential add {provider.slug} NAME`."
    else:
        yield "It needs no account and costs nothing."
    if fact["pictures_in_one_create"] > 1:
        yield f"One create takes up to {fact['pictures_in_one_create']} pictures."
    if fact["limits"]:
        yield f"At most {', '.join(fact['limits'])}, counted over all workers."
    if fact["webhooks"]:
        yield "Its webhooks shorten the wait; without them, the worker asks from time to time."
    if not provider.repeatable:
        yield "A create whose response was lost is looked up, and never simply repeated."


def _operations(provider: Any, facts: list[dict[str, Any]]) -> Iterator[str]:
    for fact in facts:
        costs = f"Price: {fact['price']}. About {fact['seconds']:g} s a picture."
        yield from ("", f"### {provider.label}: `{fact['operation']}`", "", costs)
        options = provider.offers[fact["operation"]].options
        if options:
            yield from ("", "| option | value | default |", "|---|---|---|")
        for option in options:
            default = f"`{option.default}`" if option.default not in ("", None) else ""
            yield f"| `{option.name}` | {_cell(option.expects())} | {default} |"


def pages() -> dict[str, str]:
    """Return the text of each page by the name of its file."""
    return {"commands.md": commands_page(), "settings.md": settings_page(), "providers.md": providers_page()}


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    own = [one for one in parser._actions if one.dest not in _DJANGO_S]
    rows = [one for one in own if not isinstance(one, argparse._SubParsersAction)]
    if rows:
        yield from ("", "| argument | meaning |", "|---|---|")
        yield from (f"| {_written(one)} | {_cell(one.help or '')} |" for one in rows)
    for one in own:
        if isinstance(one, argparse._SubParsersAction):
            names = {choice.dest: choice.help or "" for choice in one._choices_actions}
            for name, below in one.choices.items():
                yield from ("", f"**`{name}`** {_cell(names.get(name, ''))}".rstrip(), *_arguments(below))


def _written(action: argparse.Action) -> str:
    """Return an argument as it is typed, with the name of its value."""
    name = action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper())
    value = "" if action.nargs == 0 else str(name)
    value = f"[{value}]" if action.nargs in ("?", "*") else value
    written = ", ".join(action.option_strings)
    many = " …" if action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction) else ""
    return f"`{f'{written} {value}'.strip()}{many}`".replace("|", "\\|")


def _cell(text: str) -> str:
    return text.replace("%%", "%").replace("|", "\\|")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    import django

    django.setup()
    for name, text in pages().items():
        (DOCS / name).write_text(text)
    sys.exit(0)
