"""Documentation that has to agree with the code."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
from django.core.checks.registry import registry
from django.db.models import TextChoices

import product_imagery
from product_imagery.conf import Settings
from product_imagery.states import EnhancementStatus, ItemStatus, JobState, Publication, Review
from tests.workbench.reference import pages

_DOCS = Path(product_imagery.__file__).parent.parent / "docs"


@pytest.mark.parametrize("states", [EnhancementStatus, ItemStatus, JobState, Publication, Review])
def test_every_state_is_in_the_tables_of_transitions(states: type[TextChoices]) -> None:
    text = (_DOCS / "how-a-job-travels.md").read_text()
    cells = {state for row in re.findall(r"^\| (.+?) \|$", text, re.M) for state in re.findall(r"`(\w+)`", row)}
    assert set(states.values) <= cells


@pytest.mark.parametrize("page", ["architecture.md", "how-a-job-travels.md"])
def test_modules_that_a_page_names_exist(page: str) -> None:
    named = set(re.findall(r"`(\w+/[\w/]+\.py)`", (_DOCS / page).read_text()))
    package = Path(product_imagery.__file__).parent
    assert named
    assert {path for path in named if not (package / path.removeprefix("product_imagery/")).exists()} == set()


def test_every_word_of_the_glossary_has_one_row() -> None:
    words = re.findall(r"^\| ([^|]+?) \|", (_DOCS / "glossary.md").read_text(), re.M)
    words = [word for word in words if word not in ("word", "---")]
    assert len(words) > 30
    assert len(words) == len(set(words))


def test_the_changelog_begins_with_the_version_of_the_code() -> None:
    versions = re.findall(r"^## (\S+)", (_DOCS / "changelog.md").read_text(), re.M)
    assert versions[0] == product_imagery.__version__


def test_the_table_of_system_checks_lists_those_of_the_code() -> None:
    rows = re.findall(r"^\| `(product_imagery\.\w+)` \| (.+?) \|", (_DOCS / "system-checks.md").read_text(), re.M)
    found = []
    for checks, runs in ((registry.registered_checks, "always"), (registry.deployment_checks, "`--deploy`")):
        own = [check for check in checks if check.__module__.startswith("product_imagery.")]
        found += [(number, runs) for one in own for number in re.findall(r'id="(.+?)"', inspect.getsource(one))]
    assert rows == sorted(found)


@pytest.mark.parametrize("name", ["commands.md", "settings.md", "providers.md"])
def test_a_page_that_is_written_from_the_code_is_up_to_date(name: str) -> None:
    assert (_DOCS / name).read_text() == pages()[name], "python -m tests.workbench.reference"


def test_each_argument_of_a_command_is_explained() -> None:
    assert re.findall(r"^\| `.+` \|  \|$", pages()["commands.md"], re.M) == []


@pytest.mark.parametrize("path", sorted(_DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_commands_and_settings_that_a_page_names_exist(path: Path) -> None:
    text = path.read_text()
    commands = set(re.findall(r"manage\.py (imagery_\w+)", text))
    assert commands <= set(re.findall(r"^## `(\w+)`", pages()["commands.md"], re.M))
    if path.stem == "operations":
        named = set(re.findall(r"`([A-Z]+_[A-Z_]+)[` ]", text)) - {"PRODUCT_IMAGERY", "INSTALLED_APPS"}  # Django's
        assert {"SLOT_SECONDS", "PREVIEW_DAYS"} <= named <= {one.name.upper() for one in fields(Settings)}


def test_what_the_page_about_troubles_quotes_is_what_pages_say() -> None:
    quoted = re.findall(r"“([^”]+)”", (_DOCS / "troubleshooting.md").read_text())
    texts = _words((_DOCS.parent / "product_imagery/locale/de/LC_MESSAGES/django.po").read_text())
    assert len(quoted) > 12
    assert [one for one in quoted if not all(_words(part) in texts for part in one.split("…"))] == []


def _words(text: str) -> str:
    """Return the text without what gettext adds, in lower case: Django writes names of models with a capital."""
    return re.sub(r'"\n"|%\(\w+\)s', "", text).replace("“”", "").strip().lower()
