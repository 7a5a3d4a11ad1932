"""The page about the commands, from the commands themselves: python -m tests.workbench.commands_page"""

from __future__ import annotations

import argparse
import os
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path("docs/commands.md")
_HEAD = """# Commands

`python -m tests.workbench.commands_page` writes this page from the commands. They end with exit code 0 if all went
well, 1 if something failed or needs a person, and 2 for arguments that cannot be. Facts go to standard output,
everything else to standard error.
"""
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


def page() -> str:
    """Return the page: a section for each command, with its arguments, or those of each of its subcommands."""
    from django.core.management import load_command_class

    from product_imagery.management import commands

    sections = [_HEAD]
    for name in sorted(module.name for module in pkgutil.iter_modules(commands.__path__)):
        parser = load_command_class("product_imagery", name).create_parser("manage.py", name)
        sections.append("\n".join([f"## `{name}`", "", str(parser.description), *_arguments(parser), ""]))
    return "\n".join(sections)


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
    PAGE.write_text(page())
    sys.exit(0)
