"""Every sentence that a person can see is marked for translation, where ``makemessages`` finds it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import product_imagery
from product_imagery import exceptions
from product_imagery.exceptions import ImageryError
from product_imagery.flows.enhancements.items import Overtaken
from product_imagery.provider_kit.contract import NAMES, Operation
from product_imagery.provider_kit.registry import all_providers
from tests.languages.messages import Message, messages_of

_PACKAGE = Path(product_imagery.__file__).parent
_MARKS = {"gettext", "ngettext", "gettext_lazy", "ngettext_lazy", "gettext_noop", "pgettext", "_"}
_ERRORS = {
    *(name for name, one in vars(exceptions).items() if isinstance(one, type) and issubclass(one, ImageryError)),
    Overtaken.__name__,
}
#: for developers and operators, in English: settings, registration, checks of providers, commands, stand-ins
_ENGLISH = (
    "background.py",
    "conf.py",
    "doctor/",
    "flows/results/provenance.py",
    "management/",
    "migrations/",
    "products/declarations.py",
    "products/fields.py",
    "products/galleries.py",
    "products/registry.py",
    "provider_kit/declaration.py",
    "provider_kit/registry.py",
    "testing/",
)


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(_PACKAGE.rglob("*.py")):
        yield path.relative_to(_PACKAGE).as_posix(), ast.parse(path.read_text())


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _is_bare(text: ast.expr | None) -> bool:
    """Return true for a text, or one made of parts, that is not translated."""
    if isinstance(text, ast.Constant):
        return isinstance(text.value, str) and bool(text.value)
    if isinstance(text, ast.JoinedStr):
        return True
    if isinstance(text, ast.BinOp):
        return _is_bare(text.left)
    if isinstance(text, ast.IfExp):
        return _is_bare(text.body) or _is_bare(text.orelse)
    return False


def _bare_errors(module: ast.Module) -> Iterator[int]:
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef | ast.Module):
            continue
        own = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
        texts = {one.targets[0].id: one.value for one in own if isinstance(one.targets[0], ast.Name)}
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _name(call) in _ERRORS and call.args:
                first = call.args[0]
                text = texts.get(first.id) if isinstance(first, ast.Name) else first
                if _is_bare(text):
                    yield call.lineno


def test_every_error_for_a_person_has_a_translated_message() -> None:
    bare = {
        f"{path}:{line}"
        for path, module in _modules()
        if not path.startswith(_ENGLISH)
        for line in _bare_errors(module)
    }
    assert sorted(bare) == []


def test_no_mark_holds_a_text_that_is_put_together() -> None:
    bad = [
        f"{path}:{node.lineno}"
        for path, module in _modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and _name(node) in _MARKS
        and node.args
        and isinstance(node.args[0], ast.JoinedStr)
    ]
    assert bad == []


def test_no_mark_has_a_name_of_its_own() -> None:
    """``makemessages`` knows the usual names only: it would find no text under another one."""
    bad = [
        f"{path}: {one.name} as {one.asname}"
        for path, module in _modules()
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module in ("django.utils.translation", "product_imagery.texts")
        for one in node.names
        if one.name in _MARKS and one.asname not in (None, "_")
    ]
    assert bad == []


def test_every_name_and_help_of_a_provider_is_marked() -> None:
    marked, unmarked = {message.text for message in messages_of()}, set()
    for provider in all_providers().values():
        if not provider.__module__.startswith("product_imagery."):
            continue
        shown = [*provider.warning_texts.values(), provider.currency]
        shown += [text for field in provider.fields for text in (field.label, field.help)]
        for offer in provider.offers.values():
            shown += [text for option in offer.options for text in (option.help, option.label)]
            shown += [label for option in offer.options for label in (option.choices or {}).values()]
        unmarked |= {text for text in shown if re.search("[a-z]{4}", text)} - marked
    models = {"nano-banana", "nano-banana-2", "nano-banana-pro", "gpt-low", "gpt-medium", "gpt-high", "kontext-pro"}
    models |= {"nanobanana", "nanobananapro", "seedream"}
    assert unmarked - models == set()


def test_every_operation_has_a_marked_name() -> None:
    assert set(NAMES) == set(Operation)
    assert set(NAMES.values()) <= {message.text for message in messages_of()}


def test_no_mark_is_hidden_from_makemessages() -> None:
    """It does not look into f-strings."""
    bad = [
        f"{path}:{node.lineno}"
        for path, module in _modules()
        for text in ast.walk(module)
        if isinstance(text, ast.JoinedStr)
        for node in ast.walk(text)
        if isinstance(node, ast.Call) and _name(node) in _MARKS and isinstance(node.args[0], ast.Constant)
    ]
    assert bad == []


def test_messages_of_one_key_have_one_plural_form() -> None:
    """A catalogue holds one of them only: the other needs a context."""
    keys = Counter(message.key for message in messages_of())
    assert [key for key, number in keys.items() if number > 1] == []


def test_a_number_in_a_sentence_has_a_name() -> None:
    """The forms for one and for two can do without it, which ``%d`` would not allow."""
    bad = [message.text for message in messages_of() if message.plural and re.search("%[ds]", message.plural)]
    assert bad == []


def test_the_texts_of_templates_are_found() -> None:
    found = messages_of()
    assert {Message("Look"), Message("Show its options")} <= found
    assert Message("%(n)s product selected.", "%(n)s products selected.") in found
