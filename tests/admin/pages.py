"""Reading and sending the forms of admin pages as a browser without JavaScript does."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.test import Client


class _Fields(HTMLParser):
    """Names and values of the fields of a page's forms, as they would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.buttons: dict[str, dict[str, str | None]] = {}
        self._select, self._text = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in found or self._select not in self.values):
            self.values[self._select] = found.get("value") or ""
        elif tag == "textarea":
            self._text, self.values[name] = name, ""
        elif tag == "button" and name:
            self.buttons[name] = found
        elif tag == "input" and name:
            is_box = found.get("type") in ("radio", "checkbox")
            if "checked" in found or not is_box:
                self.values[name] = found.get("value") or ("on" if is_box else "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._select = self._text = ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.values[self._text] += data


def read(response: Any) -> _Fields:
    """The fields and buttons of a page."""
    return read_text(response.content.decode())


def read_text(text: str) -> _Fields:
    """The fields and buttons of a text of HTML."""
    fields = _Fields()
    fields.feed(text)
    return fields


def press_start(client: Client, address: str, **changes: str) -> Any:
    """Fill the start form in, have its figures updated, and press *Start*."""
    preset = changes.pop("preset", "")
    filled = read(client.get(address + (f"?preset={preset}" if preset else ""))).values | changes
    shown = read(client.post(address, {**filled, "preview": "figures"})).values
    return client.post(address, {**filled, "figures": shown.get("figures", ""), "start": "1"})
