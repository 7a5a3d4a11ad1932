"""Texts of a page that a person sees or hears, and those that are not translated into the pseudo-language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

_SILENT = {"script", "style", "code", "pre", "kbd", "textarea"}  #: their texts are code, keys, or what was typed
_VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_SPOKEN = ("alt", "aria-label", "placeholder", "title", "label")
_VALUED = ("submit", "button", "reset")
_PLACEHOLDER = re.compile(r"(%\(\w+\)[-#0 +]?\d*(?:\.\d+)?[sdifg]|%[sdifg%]|\{\w*\}|<[^>]*>|&[a-z]+;)")
_IDENTIFIERS = ("id", "name", "prefix", "dependency_ids", "dependency_list")  #: in data for scripts
_WRAPPED = re.compile(r"⟦[^⟧]*⟧")
_WORD = re.compile(r"[^\W\d_]{2,}")


def pseudo(text: str) -> str:
    """Translate a message into the pseudo-language: all but its placeholders and tags in double brackets."""
    return "".join(
        part if _PLACEHOLDER.fullmatch(part) or not part.strip() else f"⟦{part}⟧" for part in _PLACEHOLDER.split(text)
    )


@dataclass(frozen=True)
class Text:
    """A text of a page, and the path of the element or attribute that has it."""

    path: str
    text: str

    @property
    def place(self) -> str:
        """The end of the path."""
        return " > ".join(self.path.split(" > ")[-3:])


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[Text] = []
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        name = tag + "".join(f".{one}" for one in found.get("class", "").split())
        name += f"#{found['id']}" if "id" in found else ""
        self.texts += [Text(self._path(f"{name}[{one}]"), text) for one, text in _attributes(tag, found)]
        if tag not in _VOID:
            self._open.append((tag, name))

    def handle_endtag(self, tag: str) -> None:
        while self._open and any(one == tag for one, _name in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(tag in _SILENT for tag, _name in self._open):
            self.texts.append(Text(self._path(), re.sub(r"\s+", " ", data.strip())))

    def _path(self, *last: str) -> str:
        return " > ".join([*(name for _tag, name in self._open), *last])


def _attributes(tag: str, found: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the attributes that are shown or read aloud, and sentences for scripts."""
    for name, value in found.items():
        is_spoken = name in _SPOKEN or (name == "value" and tag == "input" and found.get("type") in _VALUED)
        if name.startswith("data-") and value[:1] in "{[":
            yield from ((name, text) for text in _texts_in(_json(value)))
        elif is_spoken or (name.startswith("data-") and re.search(r"\w \w", value)):
            yield name, value


def _json(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return None


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, one in items:
            if name not in _IDENTIFIERS:
                yield from _texts_in(one)


def texts_of(page: str) -> list[Text]:
    """Return the texts of a page of HTML."""
    reader = _Page()
    reader.feed(page)
    return reader.texts


def untranslated(page: str, names: Iterable[str], pattern: re.Pattern[str], skipped: re.Pattern[str]) -> list[str]:
    """Return places and texts of a page that are neither translated nor names.

    ``pattern`` finds further names; elements in whose path ``skipped`` is found are left out.
    """
    known = re.compile("|".join([pattern.pattern, *map(re.escape, sorted(names, key=len, reverse=True))]))
    shown = [one for one in texts_of(page) if not skipped.search(one.path)]
    return [f"{one.place}: {one.text}" for one in shown if _WORD.search(known.sub("", _WRAPPED.sub("", one.text)))]
