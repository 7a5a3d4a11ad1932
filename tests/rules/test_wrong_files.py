"""Files that are wrong in one respect: each gives exactly the findings of that rule, by every pack."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from product_imagery.rules.judge import Finding, Level, judge
from product_imagery.rules.measure import measure
from product_imagery.rules.packs import Pack, Rule, packs
from tests.rules.wrong_files import SIDE_EFFECTS, Shot, good, wrong

pytestmark = pytest.mark.slow

DAY = date(2026, 12, 1)
_BOUNDS = ("fail_below", "fail_above", "fail_unless", "warn_below", "warn_above", "warn_unless")
_CASES = [
    pytest.param(pack, rule, bound, id=f"{pack.name} {rule.measure} {bound}")
    for pack in packs().values()
    for rule in pack.rules
    for bound in _BOUNDS
    if getattr(rule, bound) not in (None, ())
]


def found(shot: Shot, pack: Pack, folder: Path, day: date = DAY) -> dict[str, Finding]:
    """Return the findings that are neither passed nor unknown."""
    path = shot.write(folder)
    findings = judge(measure(source=str(path), limits={}), pack, day=day, name=path.name, mark=shot.mark)
    return {one.rule: one for one in findings if one.level in (Level.WARN, Level.FAIL)}


@pytest.mark.parametrize("pack", packs().values(), ids=lambda pack: pack.name)
def test_a_good_packshot_breaks_no_rule(pack: Pack, tmp_path: Path) -> None:
    assert found(good(pack), pack, tmp_path) == {}


@pytest.mark.parametrize(("pack", "rule", "bound"), _CASES)
def test_a_wrong_file_breaks_its_rule_and_no_other(pack: Pack, rule: Rule, bound: str, tmp_path: Path) -> None:
    day = DAY if rule.holds_on(DAY) else rule.since
    findings = found(wrong(pack, rule, bound), pack, tmp_path, day)
    level = Level.FAIL if bound.startswith("fail") else Level.WARN
    assert findings[rule.measure].level == level, findings[rule.measure].sentence
    others = SIDE_EFFECTS.get(f"{pack.name} {rule.measure}", set())
    assert findings.keys() - others == {rule.measure}, [one.sentence for one in findings.values()]
