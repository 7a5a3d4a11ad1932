"""Judgement of a measured drift by the limits of a preset, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from product_imagery.texts import gettext, gettext_noop

NOT_FOUND = 50.0  #: percent of other details from which the product is not the same, or not there

#: code → why nothing was measured
REASONS = {
    "ground": gettext_noop("Not compared with the source: the product cannot be told from the ground."),
    "small": gettext_noop("Not compared with the source: the product is too small."),
    "source_unreadable": gettext_noop("Not compared with the source: its file cannot be read."),
    "source_changed": gettext_noop("Not compared with the source: its file has changed meanwhile."),
    "not_installed": gettext_noop("Not compared with the source: the extra “local” is not installed."),
    "failed": gettext_noop("The comparison with the source failed: compare before publishing."),
}
_SENTENCES = {
    "colour": gettext_noop("The colour of the product changed visibly (ΔE %(number).1f): compare before publishing."),
    "shape": gettext_noop("The product was stretched or squeezed (%(number).1f %%): compare before publishing."),
    "details": gettext_noop("Parts of the product look different (%(number).0f %%): compare before publishing."),
}
_NOT_FOUND = gettext_noop("The product was not found again in this picture: compare before publishing.")


@dataclass(frozen=True)
class Bounds:
    """Largest drift that needs no person: ΔE 2000; percent of stretch; percent of the product with other details."""

    colour: float = 4.5
    shape: float = 2.0
    details: float = 3.0

    def as_dict(self) -> dict[str, float]:
        """Return the fields as a dict for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Drift:
    """Measurement of ``drift.measure`` with its bounds. ``None``: not measured. ``reason``: a key of ``REASONS``."""

    colour: float | None
    colour_95: float | None
    shape: float | None
    details: float | None
    reason: str
    bounds: Bounds

    @property
    def exceeded(self) -> list[str]:
        """Names of the bounds that are exceeded."""
        return [name for name, most in self.bounds.as_dict().items() if (getattr(self, name) or 0) > most]

    @property
    def needs_person(self) -> bool:
        """True if the picture must not be published unseen."""
        return bool(self.exceeded) or self.reason == "failed"

    @property
    def sentences(self) -> list[str]:
        """Sentences about what a person has to look at, in the reader's language."""
        if self.reason:
            return [gettext(REASONS[self.reason])] if self.needs_person else []
        if self.exceeded and (self.details or 0) >= NOT_FOUND:
            return [gettext(_NOT_FOUND)]
        return [gettext(_SENTENCES[name]) % {"number": getattr(self, name)} for name in self.exceeded]

    @property
    def why_not(self) -> str:
        """Reason for which nothing was measured, in the reader's language; empty if something was."""
        return gettext(REASONS[self.reason]) if self.reason and not self.needs_person else ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict for JSON, without sentences."""
        return asdict(self)


def unmeasured(reason: str) -> dict[str, Any]:
    """Return a measurement in which nothing was measured. ``reason``: a key of ``REASONS``."""
    return {"colour": None, "colour_95": None, "shape": None, "details": None, "reason": reason}


def drift_of(stored: Mapping[str, Any]) -> Drift:
    """Return the drift that ``as_dict`` described."""
    return Drift(**{**stored, "bounds": Bounds(**stored["bounds"])})
