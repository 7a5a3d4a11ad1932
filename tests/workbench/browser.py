"""Headless Chromium: pages at several sizes and colour schemes, screenshots, and findings of axe-core."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.workbench.page import Page
from tests.workbench.server import Site

AXE = Path(__file__).parent.parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

_RUN_AXE = """
const done = arguments[arguments.length - 1];
axe.run(arguments[0], {resultTypes: ["violations"]}).then((found) => done(found.violations.map((one) => ({
  id: one.id, impact: one.impact, nodes: one.nodes.map((node) => node.html.slice(0, 200)),
}))));
"""
#: of each button of ours that is shown: its text, size and colours
_BUTTONS = """
return [...document.querySelectorAll(".pi-button")].filter((one) => one.checkVisibility()).map((one) => {
  const box = one.getBoundingClientRect(), style = getComputedStyle(one);
  return {text: (one.innerText || one.getAttribute("aria-label") || "").trim(), width: box.width, height: box.height,
          color: style.color, background: style.backgroundColor};
});
"""
#: of each field of our forms that is shown, for writing or choosing: its name, height, width of its border, colours
_FIELDS = """
const others = "[type=hidden], [type=checkbox], [type=radio], [type=color], [type=submit]";
const written = `:is(.pi-form, .imagery-fields) :is(input:not(${others}), select, textarea)`;
const fields = [...document.querySelectorAll(written)];
return fields.filter((one) => one.checkVisibility() && one.offsetWidth > 1).map((one) => {
  const style = getComputedStyle(one); // one pixel wide: replaced by a script of the theme
  return {name: one.name, height: one.offsetHeight, border: parseFloat(style.borderBottomWidth),
          edge: style.borderBottomColor, color: style.color, background: style.backgroundColor};
});
"""


class Browser:
    """Chromium, driven by selenium."""

    def __init__(self, driver: Any, site: Site) -> None:
        self.driver, self._site = driver, site

    def log_in(self) -> None:
        """Go on with the merchant's session."""
        self.driver.get(f"{self._site.address}/static/product_imagery/admin.css")
        self.driver.add_cookie({"name": "sessionid", "value": self._site.session})

    def open(self, page: Page, size: str = "desktop", scheme: str = "light") -> None:
        """Open a page at a size, in a colour scheme."""
        width, height = SIZES[size]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get(f"{self._site.address}{page.path}")

    def shoot(self, path: Path) -> None:
        """Write a screenshot of the whole page, at most 4,000 pixels of it."""
        height = min(4000, self.driver.execute_script("return document.documentElement.scrollHeight"))
        width = self.driver.execute_script("return window.innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        options = {"captureBeyondViewport": True, "clip": clip}
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)
        path.write_bytes(base64.b64decode(shot["data"]))

    def wait(self, script: str, *arguments: Any) -> None:
        """Wait until a script returns true; raises ``TimeoutException`` if it does not within a while."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 30).until(lambda driver: driver.execute_script(script, *arguments))

    def findings(self, selector: str) -> list[dict[str, Any]]:
        """Return what axe finds inside the elements of a selector; nothing where there are none."""
        if not self.driver.find_elements("css selector", selector):
            return []
        self.driver.execute_script(AXE.read_text())
        found: list[dict[str, Any]] = self.driver.execute_async_script(_RUN_AXE, {"include": [[selector]]})
        return found

    def buttons(self) -> list[dict[str, Any]]:
        """Return text, size and colours of each button of ours that is shown."""
        found: list[dict[str, Any]] = self.driver.execute_script(_BUTTONS)
        return found

    def fields(self) -> list[dict[str, Any]]:
        """Return name, height, border and colours of each field of our forms that is shown."""
        found: list[dict[str, Any]] = self.driver.execute_script(_FIELDS)
        return found

    def errors(self) -> list[str]:
        """Return errors that our own pages and files have caused since the last call."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" and "favicon" not in entry["message"]
        ]


@contextmanager
def launched(profile: Path) -> Iterator[Any]:
    """Start Chromium and yield its driver; raises ``LookupError`` where it is not installed."""
    from selenium import webdriver

    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        raise LookupError("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    started.set_page_load_timeout(60)
    started.set_script_timeout(60)
    try:
        yield started
    finally:
        started.quit()


@contextmanager
def chromium(site: Site, profile: Path) -> Iterator[Browser]:
    """Start Chromium for a site; raises ``LookupError`` where it is not installed."""
    with launched(profile) as driver:
        yield Browser(driver, site)
