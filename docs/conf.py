"""Sphinx configuration. Tables that the code can state itself are read from it, so that they are never out of date."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from product_imagery.rules.packs import Pack, Rule, packs  # noqa: E402
from product_imagery.rules.wording import LABELS, shown  # noqa: E402

PACKAGE = ROOT / "product_imagery"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _docstring(path: Path) -> str:
    """The first paragraph of a module's docstring on one line, or nothing."""
    module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = (ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) if module.exists() else None) or ""
    return " ".join(text.split("\n\n")[0].split())


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _floors(container: str) -> str:
    """The layers contract of ``container`` as a table, the highest floor first."""
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (layers,) = [one["layers"] for one in contracts if one.get("containers") == [container]]
    folder = ROOT.joinpath(*container.split("."))
    rows = []
    for floor, names in zip(range(len(layers), 0, -1), layers, strict=True):
        modules = [name.strip("()") for name in re.split(r"\s*[|:]\s*", names)]
        rows += [(str(floor), f"`{name}`", _docstring(folder / name)) for name in modules]
    return _table(("floor", "module", "content"), rows)


def _forbidden() -> str:
    """The contracts that keep libraries out of modules."""
    contracts = [one for one in PYPROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "forbidden"]
    rows = [
        (
            one["name"],
            ", ".join(f"`{name.removeprefix('product_imagery.')}`" for name in one["source_modules"]),
            ", ".join(f"`{name}`" for name in one["forbidden_modules"]),
        )
        for one in contracts
    ]
    return _table(("rule", "these modules", "never import"), rows)


def _packs() -> str:
    """The packs of rules, each with version, date, sources and a table."""
    return "\n\n".join(_pack(pack) for pack in packs().values())


def _pack(pack: Pack) -> str:
    sources = ", ".join(f"<{source}>" for source in pack.sources)
    whose = "the marketplace's own page" if pack.official else "pages of others: less certain"
    origin = f"Version {pack.version}, compared on {pack.checked_on} with {sources} ({whose})."
    rows = [(_label(rule), *(_bounds(rule, kind) for kind in ("fail", "warn"))) for rule in pack.rules]
    return f"### {pack.label}: `{pack.name}`\n\n{origin}\n\n{_table(('measured', 'required', 'advised'), rows)}"


def _label(rule: Rule) -> str:
    level = f", level {rule.level} of 255" if rule.measure == "white" else ""
    days = (
        f" (from {rule.since})" if rule.since > date.min else f" (until {rule.until})" if rule.until < date.max else ""
    )
    return f"{LABELS[rule.measure]}{level}{days}"


def _bounds(rule: Rule, kind: str) -> str:
    least, most, good = (getattr(rule, f"{kind}_{bound}") for bound in ("below", "above", "unless"))
    parts = [f"at least {shown(rule.measure, least)}" if least is not None else ""]
    parts += [f"at most {shown(rule.measure, most)}" if most is not None else ""]
    parts += [", ".join(one if rule.measure == "ratio" else shown(rule.measure, one) for one in good)]
    return "; ".join(part for part in parts if part) or "–"


def _version() -> str:
    text = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.M)
    assert found, "product_imagery/__init__.py states no version"
    return found[1]


project = "product_imagery"
author = "the product_imagery authors"
version = release = _version()
extensions = ["myst_parser"]
myst_enable_extensions = ["substitution"]
myst_heading_anchors = 3
myst_substitutions = {
    "floors": _floors("product_imagery"),
    "floors_of_flows": _floors("product_imagery.flows"),
    "forbidden": _forbidden(),
    "packs": _packs(),
}
exclude_patterns = ["_build"]
nitpicky = True
html_theme = "furo"
html_title = f"product_imagery {release}"
html_static_path = ["_static"]
html_css_files = ["diagram.css"]
html_show_copyright = False
