"""Tables as CSV, written while they are sent."""

from __future__ import annotations


class Echo:
    """File-like object whose ``write`` returns the text."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


def plain(label: str) -> str:
    """Return a label that no spreadsheet takes for a formula."""
    return f"'{label}" if label[:1] in ("=", "+", "-", "@", "\t", "\r") else label
