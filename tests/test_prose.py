"""Plain English in docstrings, and the words of the glossary in names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import product_imagery

_ROOT = Path(product_imagery.__file__).parent
_GLOSSARY = _ROOT.parent / "docs" / "glossary.md"

#: Parts of the package whose prose is being rewritten elsewhere. Remove each when it is done; none is added.
PENDING: set[str] = set()

#: Names that may contain a banned word, each with its reason.
ALLOWED = {
    "set_aside": "command option and queryset beside the column set_aside_at",
    "set_aside_at": "column of stored deliveries",
    "pump": "dotted path of a queued task: schedules and queues in existing databases hold it",
    "_PUMP": "the dotted path of that task",
}

_OPENINGS = {"What", "Whether", "Of", "How", "Which", "That", "Why"}
_MOST_OPENINGS = 0.03
_EMPTY = re.compile(
    r"a|all|an|and|are|at|be|by|do|does|done|here|how|in|is|it|its|of|on|one|or|that|the|them|then|there|these|they"
    r"|this|to|what|when|which|who|why|with",
    re.IGNORECASE,
)

Named = tuple[str, int, str]


def _part(path: Path) -> str:
    return path.relative_to(_ROOT).parts[0].removesuffix(".py")


@cache
def _modules() -> dict[Path, ast.Module]:
    paths = sorted(path for path in _ROOT.rglob("*.py") if "migrations" not in path.parts)
    return {path: ast.parse(path.read_text()) for path in paths if _part(path) not in PENDING}


def _docstrings(package: str) -> Iterator[tuple[str, str]]:
    """Yield a place and its docstring for a folder of the package, or, for ``""``, for the modules beside them."""
    for path, tree in _modules().items():
        folder = _part(path) if path.parent != _ROOT else ""
        for node in ast.walk(tree):
            if folder == package and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node)
                if text:
                    yield f"{path.relative_to(_ROOT)}:{getattr(node, 'lineno', 1)}", text


def _packages() -> list[str]:
    folders = {_part(path) for path in _modules() if path.parent != _ROOT}
    return ["", *sorted(folders)]


def _banned(column: str) -> set[tuple[str, ...]]:
    """Read the banned words of one column of the glossary's last table, each as its parts: ``("let", "go")``."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", _GLOSSARY.read_text().partition("## Banned")[2], re.M)
    rows = [row for row in rows if column in row[2]]
    return {tuple(word.split()) for row in rows for word in row[0].split(", ")}


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of each name that a module gives: not of those that it only uses."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield line, node.name
        elif isinstance(node, ast.arg):
            yield line, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield line, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield line, node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield line, node.asname


def _contains(name: str, words: set[tuple[str, ...]]) -> bool:
    parts = tuple(part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name))
    return any(parts[at : at + len(word)] == word for word in words for at in range(len(parts)))


def test_the_glossary_bans_words() -> None:
    assert {("pump",), ("let", "go")} <= _banned("docstrings")
    assert {("answer",), ("word",)} <= _banned("names") - _banned("docstrings")


@pytest.mark.parametrize("package", _packages())
def test_docstrings_do_not_open_with_what_or_how(package: str) -> None:
    found = list(_docstrings(package))
    asking = [place for place, text in found if re.match(r"\w*", text).group() in _OPENINGS]  # type: ignore[union-attr]
    assert len(asking) <= _MOST_OPENINGS * len(found), asking


@pytest.mark.parametrize("package", _packages())
def test_short_docstrings_say_something(package: str) -> None:
    short = [(place, text) for place, text in _docstrings(package) if len(text.split()) <= 3]
    empty = [one for one in short if sum(not _EMPTY.fullmatch(word) for word in re.findall(r"\w+", one[1])) < 2]
    assert empty == []


def test_no_name_contains_a_banned_word() -> None:
    banned, found = _banned("names"), []
    for path, tree in _modules().items():
        names = [(1, path.stem), *_names(tree)]
        found += [
            f"{path.relative_to(_ROOT)}:{line} {name}"
            for line, name in names
            if name not in ALLOWED and _contains(name, banned)
        ]
    assert found == []


@pytest.mark.parametrize("package", _packages())
def test_no_docstring_uses_the_old_words_of_the_worker(package: str) -> None:
    banned = _banned("docstrings")
    used = [(place, text) for place, text in _docstrings(package) if _contains(text, banned)]
    assert used == []
