"""The shipped catalogues: every message is translated, with its placeholders, in as many forms as the language has."""

from __future__ import annotations

import re
from collections import Counter
from gettext import GNUTranslations, c2py
from pathlib import Path

import pytest

from tests.languages.messages import PACKAGE, Entry, messages_of, mo_of, read_po

#: languages that are shipped, with the number of forms of a message with a number in it
FORMS = {"ar": 6, "de": 2}
#: Set to true when the last messages are translated: then a message without a translation is an error.
COMPLETE = True

_PLACEHOLDER = re.compile(r"%\(\w+\)[-#0 +]?\d*(?:\.\d+)?[sdifg]|%[sdifg%]")
_MARKUP = re.compile(r"</?[a-z]+>")


def _path(language: str, suffix: str = "po") -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES" / f"django.{suffix}"


@pytest.fixture(params=FORMS)
def language(request: pytest.FixtureRequest) -> str:
    """Each shipped language."""
    return str(request.param)


def _numbers(header: str) -> dict[int, list[int]]:
    """Return, by the number of a form, the numbers up to 200 with which it is used."""
    rule = re.search(r"Plural-Forms: nplurals=\d+; plural=(.+);", header)
    assert rule
    number_of, found = c2py(rule[1]), {}
    for number in range(201):
        found.setdefault(number_of(number), []).append(number)
    return found


def test_every_message_is_translated(language: str) -> None:
    _header, entries = read_po(_path(language))
    there, needed = {entry.message for entry in entries}, messages_of()
    if COMPLETE:
        assert sorted(one.text for one in needed - there) == [], "run makemessages, then translate"
        assert sorted(one.text for one in there - needed) == [], "run makemessages: these are gone"
        assert [entry.message.text for entry in entries if not all(entry.translations)] == []
    assert [entry.message.text for entry in entries if "fuzzy" in entry.flags] == []


def test_every_translation_has_the_forms_of_its_language(language: str) -> None:
    header, entries = read_po(_path(language))
    assert sorted(_numbers(header)) == list(range(FORMS[language]))
    wrong = [
        entry.message.text
        for entry in entries
        if len(entry.translations) != (FORMS[language] if entry.message.plural else 1)
    ]
    assert wrong == []


def test_every_translation_has_the_placeholders_and_tags_of_its_message(language: str) -> None:
    header, entries = read_po(_path(language))
    numbers = _numbers(header)
    wrong = [
        (entry.message.text, text)
        for entry in entries
        for form, text in enumerate(entry.translations)
        if text and not _agrees(entry, text, stands_for_one_number=len(numbers[form]) == 1)
    ]
    assert wrong == []


def _agrees(entry: Entry, text: str, *, stands_for_one_number: bool) -> bool:
    """Return true if a translation has what its message has; a form for one number may do without the number."""
    source = entry.message.plural or entry.message.text
    needed, there = (Counter(_PLACEHOLDER.findall(one)) for one in (source, text))
    tags = Counter(_MARKUP.findall(source)) == Counter(_MARKUP.findall(text))
    if entry.message.plural and stands_for_one_number:
        return tags and not there - needed and sum((needed - there).values()) <= 1
    return tags and there == needed


def test_the_compiled_catalogue_is_that_of_the_source(language: str) -> None:
    header, entries = read_po(_path(language))
    with _path(language, "mo").open("rb") as handle:
        compiled = GNUTranslations(handle)
    numbers = _numbers(header)
    for entry in entries:
        message = entry.message
        if not all(entry.translations):
            continue
        if message.plural:
            shown = [
                compiled.npgettext(message.context, message.text, message.plural, numbers[form][-1])
                if message.context
                else compiled.ngettext(message.text, message.plural, numbers[form][-1])
                for form in range(len(entry.translations))
            ]
        else:
            shown = [
                compiled.pgettext(message.context, message.text) if message.context else compiled.gettext(message.text)
            ]
        assert shown == entry.translations, "run compilemessages"


def test_a_catalogue_that_is_made_here_is_read_as_it_was_written(tmp_path: Path) -> None:
    text = 'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n#, fuzzy, python-format\n'
    text += 'msgctxt "list"\nmsgid "%s picture"\nmsgid_plural "%s pictures"\n'
    text += 'msgstr[0] "%s "\n"Bild"\nmsgstr[1] "%s Bilder"\n'
    (tmp_path / "a.po").write_text(text)
    header, (entry,) = read_po(tmp_path / "a.po")
    assert entry.flags == {"fuzzy", "python-format"}
    assert entry.translations == ["%s Bild", "%s Bilder"]
    (tmp_path / "a.mo").write_bytes(mo_of(header, {entry.message: entry.translations}))
    with (tmp_path / "a.mo").open("rb") as handle:
        assert GNUTranslations(handle).npgettext("list", "%s picture", "%s pictures", 5) == "%s Bilder"
