"""Fidelity: the product of each new picture is compared with that of its source; the drift stays in the report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError
from product_imagery.fidelity import judge
from product_imagery.fidelity.judge import Bounds, Drift
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.models import Enhancement
from product_imagery.provider_kit.outcomes import Picture

logger = logging.getLogger("product_imagery")

DRIFTED = "drifted"  #: code of the warning about a picture whose product changed
_REPORT = "fidelity"  #: key in the report


class NoSource(Exception):
    """There is no source to compare with; the only argument is a key of ``judge.REASONS``."""


@dataclass(frozen=True)
class Comparison:
    """Comparison of the pictures of an enhancement with their sources. ``source`` returns the file of an item's source.

    It may raise ``NoSource`` and ``ImageryError``.
    """

    enhancement: Enhancement
    source: Callable[[int], Path]
    pool: ImagingPool

    def of(self, picture: Picture) -> Picture:
        """Return the picture with its drift in the report, and a warning if that exceeds a bound.

        It is returned as it is where ``COMPARE_RESULTS`` is off. Never raises ``ImageryError``: a comparison that fails
        has a person look.
        """
        if not get_settings().compare_results:
            return picture
        drift = Drift(**self._measured(picture), bounds=Bounds(**self.enhancement.fidelity))
        warnings = (*picture.warnings, DRIFTED) if drift.needs_person else picture.warnings
        return replace(picture, warnings=warnings, report={**picture.report, _REPORT: drift.as_dict()})

    def _measured(self, picture: Picture) -> dict[str, Any]:
        try:
            source = self.source(picture.item_id)
        except NoSource as error:
            return judge.unmeasured(str(error))
        except ImageryError:
            return judge.unmeasured("source_unreadable")
        settings = get_settings()
        try:
            measured: dict[str, Any] = self.pool.run(
                "product_imagery.fidelity.drift:measure",
                source=str(source),
                result=str(picture.thumbnail["path"]),
                product=dict(picture.product),
                operation=self.enhancement.operation,
                limits=settings.bounds(),
                bounds=settings.result_bounds(),
            )
        except ImageryError as error:
            if error.code == "not_installed":
                return judge.unmeasured("not_installed")
            logger.warning("A picture could not be compared: %s %s", error.message, error.detail)
            return judge.unmeasured("failed")
        return measured


def drift_in(report: Mapping[str, Any]) -> Drift | None:
    """Return the drift in a result's report; ``None`` if the picture was not compared."""
    stored = report.get(_REPORT)
    return judge.drift_of(stored) if isinstance(stored, dict) else None


def drifted(report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each bound that is exceeded, in the reader's language."""
    drift = drift_in(report)
    return drift.sentences if drift else []
