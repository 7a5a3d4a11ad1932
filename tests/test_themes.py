"""Our pages under several admin themes: readable buttons, no serious accessibility finding, no error in the browser."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.browser import SCHEMES, SIZES, Browser, chromium
from tests.workbench.server import Site, running
from tests.workbench.settings import THEMES

pytest.importorskip("selenium", reason="selenium is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_OURS = ".imagery"  #: what is inside is ours, the rest is the theme's
_SERIOUS = ("serious", "critical")
_LEAST = 24  #: pixels, WCAG 2.2 target size
_CONTRAST, _EDGE_CONTRAST = 4.5, 3.0
#: true if a person sees the element and can press it, at the top of the page as well as in the middle
_IN_VIEW = """
const one = document.querySelector(arguments[0]);
return [0, document.documentElement.scrollHeight / 2].every((top) => {
  window.scrollTo(0, top);
  const box = one.getBoundingClientRect();
  const middle = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return box.top >= 0 && box.bottom <= window.innerHeight && one.contains(middle);
});
"""


@pytest.fixture(scope="module", params=THEMES)
def site(request: Any, tmp_path_factory: Any, model_file: Path) -> Iterator[Site]:
    """A shop in every state, under one of the themes; its test picture needs the matting model."""
    pytest.importorskip(request.param if request.param != "stock" else "django")
    with running(request.param, tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture(scope="module")
def browser(site: Site, tmp_path_factory: Any) -> Iterator[Browser]:
    """Chromium with the merchant's session; skipped where it is not installed."""
    try:
        with chromium(site, tmp_path_factory.mktemp("profile")) as started:
            started.log_in()
            yield started
    except LookupError as error:
        pytest.skip(str(error))


def test_pages_are_readable_and_accessible(site: Site, browser: Browser) -> None:
    findings, buttons, fields = [], [], []
    shown = itertools.product(SIZES, SCHEMES) if site.theme == "stock" else (("desktop", "light"), ("phone", "dark"))
    for page, (size, scheme) in itertools.product(site.pages, list(shown)):
        browser.open(page, size, scheme)
        where = f"{page.name}, {size}, {scheme}"
        findings += [f"{where}: {found}" for found in browser.findings(_OURS) if found["impact"] in _SERIOUS]
        buttons += [f"{where}: {button}" for button in browser.buttons() if not _is_readable(button)]
        fields += [f"{where}: {field}" for field in browser.fields() if not _is_seen(field)]
    assert not findings, "\n".join(findings)
    assert not buttons, "\n".join(buttons)
    assert not fields, "\n".join(fields)


def test_cost_and_start_stay_in_view_on_a_phone(site: Site, browser: Browser) -> None:
    browser.open(next(page for page in site.pages if page.name == "start"), "phone")
    cost = browser.driver.find_element("css selector", ".start-cost").text
    assert re.fullmatch(r"\d+ pictures to make, free, .+", cost)
    for button in ("start", "try"):
        browser.wait(_IN_VIEW, f"button[name={button}]")


def test_our_pages_cause_no_error_in_the_browser(site: Site, browser: Browser) -> None:
    browser.errors()
    for page in site.pages:
        browser.open(page)
    ours = [error for error in browser.errors() if "product_imagery" in error]
    assert not ours, "\n".join(ours)


def _is_readable(button: dict[str, Any]) -> bool:
    contrast = _contrast(button["color"], button["background"])
    return bool(button["text"]) and min(button["width"], button["height"]) >= _LEAST and contrast >= _CONTRAST


def _is_seen(field: dict[str, Any]) -> bool:
    """Return true if a field has a visible box, large enough, with readable text (WCAG 2.2: 1.4.3, 1.4.11, 2.5.8)."""
    box = field["border"] >= 1 and _contrast(field["edge"], field["background"]) >= _EDGE_CONTRAST
    return box and field["height"] >= _LEAST and _contrast(field["color"], field["background"]) >= _CONTRAST


def _contrast(one: str, other: str) -> float:
    """Return the contrast of two CSS colours (WCAG 2.2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    shares = [float(share) for share in re.findall(r"[\d.]+", colour)[:3]]
    if not colour.startswith("color("):  # color(srgb …) counts from 0 to 1, rgb(…) to 255
        shares = [share / 255 for share in shares]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_is_that_of_the_standard() -> None:
    assert round(_contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)"), 2) == 21.0
    assert round(_contrast("color(srgb 0 0 0)", "color(srgb 1 1 1)"), 2) == 21.0
    assert round(_contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)"), 2) == 4.48


def test_every_theme_is_looked_at_by_the_screenshots() -> None:
    from tests import screenshots

    assert set(screenshots.THEMES) == set(THEMES)
    assert Path(screenshots.__file__).name == "screenshots.py"
