"""Static files of the admin pages: small, licensed, and usable under a strict content security policy."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

import product_imagery

_PACKAGE = Path(product_imagery.__file__).parent
_STATIC = _PACKAGE / "static" / "product_imagery"
_TEMPLATES = sorted((_PACKAGE / "templates" / "admin" / "product_imagery").glob("**/*.html"))
_BUDGET = 60 * 1024  #: bytes of JavaScript of one page, compressed


def _scripts(template: Path) -> set[str]:
    """Paths of the scripts that a template and its parents load, relative to our static files."""
    text = template.read_text()
    found = set(re.findall(r"<script src=\"{% static 'product_imagery/([^']+)' %}\"", text))
    for parent in re.findall(r'{% (?:extends|include) "(admin/product_imagery/[^"]+)"', text):
        found |= _scripts(_PACKAGE / "templates" / parent)
    return found


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda path: path.name)
def test_a_page_loads_little_javascript(template: Path) -> None:
    sizes = {name: len(gzip.compress((_STATIC / name).read_bytes())) for name in _scripts(template)}
    assert sum(sizes.values()) <= _BUDGET, sizes


def test_every_vendored_folder_has_its_licence_and_stands_in_the_list() -> None:
    vendor, listed = _STATIC / "vendor", (_STATIC / "vendor" / "README.md").read_text()
    folders = [path for path in vendor.iterdir() if path.is_dir()]
    assert folders
    for folder in folders:
        assert [path for path in folder.iterdir() if "license" in path.name.lower()], folder
        assert f"`{folder.name}`" in listed


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda path: path.name)
def test_templates_need_no_inline_script_or_style(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|hx-on", text)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


def test_our_files_load_nothing_from_elsewhere() -> None:
    own = [path for path in _STATIC.glob("*.*") if path.suffix in (".css", ".js")]
    assert own
    for path in own:
        assert not re.search(r"@import|url\(|https?://", path.read_text()), path
