"""Messages of the package as ``makemessages`` finds them; reading ``.po`` files, and making ``.mo`` files."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation.template import templatize

import product_imagery

PACKAGE = Path(product_imagery.__file__).parent
_CALLS = {  # arguments: c: context, m: message, p: plural
    "gettext": "m",
    "gettext_lazy": "m",
    "gettext_noop": "m",
    "_": "m",
    "ngettext": "mp",
    "ngettext_lazy": "mp",
    "pgettext": "cm",
    "pgettext_lazy": "cm",
    "npgettext": "cmp",
    "npgettext_lazy": "cmp",
}
_IN_TEMPLATE = re.compile(
    r"""\b(n?p?gettext|_)\(((?:u?'(?:\\.|[^'\\])*'|u?"(?:\\.|[^"\\])*"|[\s,]|count)*)\)""", re.DOTALL
)


@dataclass(frozen=True)
class Message:
    """A message: its English text, the English plural form and the context, empty where there is none."""

    text: str
    plural: str = ""
    context: str = ""

    @property
    def key(self) -> str:
        """The key of the message in a catalogue, which does not depend on the plural form."""
        return f"{self.context}\4{self.text}" if self.context else self.text


@dataclass
class Entry:
    """An entry of a ``.po`` file: a message, its translations by number of the plural form, and its flags."""

    message: Message
    translations: list[str]
    flags: set[str] = field(default_factory=set)


def messages_of(package: Path = PACKAGE) -> set[Message]:
    """Return the messages of the modules and templates of a package."""
    found: set[Message] = set()
    for path in package.rglob("*.py"):
        found |= set(_in_module(ast.parse(path.read_text())))
    for path in package.rglob("*.html"):
        found |= set(_in_template(path.read_text()))
    return found


def _in_module(module: ast.Module) -> Iterator[Message]:
    """Yield the messages of a module, except those inside f-strings, which ``makemessages`` does not read."""
    hidden = {id(inner) for node in ast.walk(module) if isinstance(node, ast.JoinedStr) for inner in ast.walk(node)}
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or id(node) in hidden:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        kinds = _CALLS.get(name, "")
        if kinds and len(texts) >= len(kinds):
            yield _message(kinds, texts)


def _in_template(text: str) -> Iterator[Message]:
    for name, arguments in _IN_TEMPLATE.findall(templatize(text)):
        texts = list(ast.literal_eval(re.sub(r",\s*count\s*$", "", arguments) + ","))
        yield _message(_CALLS[name], texts)


def _message(kinds: str, texts: list[str]) -> Message:
    by_kind = dict(zip(kinds, texts, strict=False))
    return Message(by_kind["m"], by_kind.get("p", ""), by_kind.get("c", ""))


def read_po(path: Path) -> tuple[str, list[Entry]]:
    """Return the header of a ``.po`` file and its entries, without those that are obsolete."""
    header, entries = "", []
    for block in re.split(r"\n\s*\n", path.read_text()):
        lines = [line for line in block.splitlines() if not line.startswith("#~")]
        flags = {flag.strip() for line in lines if line.startswith("#,") for flag in line[2:].split(",")}
        values = _values(line for line in lines if not line.startswith("#"))
        if not values:
            continue
        numbers = sorted(name for name in values if name.startswith("msgstr"))
        translations = [values[name] for name in numbers]
        if values["msgid"]:
            message = Message(values["msgid"], values.get("msgid_plural", ""), values.get("msgctxt", ""))
            entries.append(Entry(message, translations, flags))
        else:
            header = translations[0]
    return header, entries


def _values(lines: Iterable[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    name = ""
    for line in lines:
        start, _quote, _rest = line.partition('"')
        name = start.strip() or name
        values[name] = values.get(name, "") + ast.literal_eval(line[len(start) :])
    return values


def mo_of(header: str, translations: dict[Message, list[str]]) -> bytes:
    """Return the bytes of a ``.mo`` file, as ``msgfmt`` would make it."""
    pairs = {b"": header.encode()}
    for message, forms in translations.items():
        key = f"{message.key}\0{message.plural}" if message.plural else message.key
        pairs[key.encode()] = "\0".join(forms).encode()
    keys = sorted(pairs)
    start = 28
    at = start + 16 * len(keys)
    tables: list[bytes] = []
    for texts in (keys, [pairs[key] for key in keys]):
        for text in texts:
            tables.append(struct.pack("<II", len(text), at))
            at += len(text) + 1
    head = struct.pack("<7I", 0x950412DE, 0, len(keys), start, start + 8 * len(keys), 0, 0)
    return head + b"".join(tables) + b"".join(text + b"\0" for text in [*keys, *(pairs[key] for key in keys)])
