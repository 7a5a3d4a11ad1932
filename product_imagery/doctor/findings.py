"""Probes and their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Result of a probe.

    ``detail`` says what is wrong, whether money was spent where that may be doubted, and what to do next.
    """

    what: str
    ok: bool
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as the command and the URL print them."""
        return asdict(self)


@dataclass(frozen=True)
class Probe:
    """One examination, of at most ``seconds``.

    The health URL reuses its findings for ``reuse_seconds``. ``late`` advises what to do when the time was not enough.
    """

    what: str
    action: Callable[[], Iterator[Finding]]
    seconds: float
    late: str
    reuse_seconds: float = 0.0


def problem(what: str, detail: str) -> Finding:
    """Return a finding that something is wrong."""
    return Finding(what, False, detail)
