"""Marketplace: new pictures are judged by the rule pack of their preset; the findings stay in the result's report."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.utils import timezone

from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.provider_kit.outcomes import Picture
from product_imagery.rules.check import Checker
from product_imagery.rules.judge import Finding, Level, finding_of
from product_imagery.rules.packs import pack_of, packs

logger = logging.getLogger("product_imagery")

BROKEN = "breaks_rules"  #: code of the warning about a picture that its marketplace would refuse
_REPORT = "rules"  #: key in the report


@dataclass(frozen=True)
class Verdict:
    """Findings of a pack, in the version that judged the picture."""

    pack: str
    version: int
    findings: list[Finding]

    @property
    def label(self) -> str:
        """Name of the marketplace."""
        return packs()[self.pack].label if self.pack in packs() else self.pack

    @property
    def is_broken(self) -> bool:
        """True if the marketplace would refuse the picture."""
        return bool(self.at(Level.FAIL))

    def at(self, level: Level) -> list[Finding]:
        """Return the findings at this level."""
        return [finding for finding in self.findings if finding.level == level]


def checked(picture: Picture, rules: str, pool: ImagingPool) -> Picture:
    """Return the picture with the findings of a pack in its report, and a warning if it breaks a rule.

    Never raises ``ImageryError``: a picture that cannot be measured counts as one that breaks a rule. Without a pack,
    or with one that no longer exists, the picture is returned as it is.
    """
    if rules not in packs():
        return picture
    pack, path = pack_of(rules), Path(picture.file["path"])
    checker = Checker(pool, get_settings().result_bounds(), timezone.localdate())
    try:
        findings = checker.check(path, pack, name=path.name, mark=picture.mark)
    except ImageryError as error:
        logger.warning("A picture could not be measured: %s %s", error.message, error.detail)
        findings = [Finding("readable", Level.FAIL, error.message)]
    verdict = {"pack": pack.name, "version": pack.version, "findings": [finding.as_dict() for finding in findings]}
    is_broken = any(finding.level == Level.FAIL for finding in findings)
    warnings = (*picture.warnings, BROKEN) if is_broken else picture.warnings
    return replace(picture, warnings=warnings, report={**picture.report, _REPORT: verdict})


def verdict_of(report: Mapping[str, Any]) -> Verdict | None:
    """Return the verdict in a result's report; ``None`` if the picture was not judged."""
    stored = report.get(_REPORT)
    if not isinstance(stored, dict):
        return None
    return Verdict(stored["pack"], stored["version"], [finding_of(one) for one in stored["findings"]])


def broken_rules(report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each rule that the picture breaks, in the reader's language."""
    verdict = verdict_of(report)
    return [finding.sentence for finding in verdict.at(Level.FAIL)] if verdict else []
