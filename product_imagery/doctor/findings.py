"""One thing that was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """``detail`` says what is wrong, whether money was spent where that may be doubted, and what to do next."""

    what: str
    ok: bool
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fields, as command and URL print them."""
        return asdict(self)


@dataclass(frozen=True)
class Look:
    """Something to look at, for at most ``seconds``; ``kept`` is for how long the health URL may reuse the answer.

    ``late`` says what to do when the time was not enough.
    """

    what: str
    action: Callable[[], Iterator[Finding]]
    seconds: float
    late: str
    kept: float = 0.0


def problem(what: str, detail: str) -> Finding:
    """Something that is wrong."""
    return Finding(what, False, detail)
