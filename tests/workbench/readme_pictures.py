"""The pictures of the README: python -m tests.workbench.readme_pictures

A script enhances the products of the example shop in Chromium, and takes a picture of the start page, of the run page
halfway, and of the large comparison. They are written to ``docs/pictures/``.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

from PIL import Image

from tests.workbench.browser import Browser, chromium
from tests.workbench.five_hundred import Merchant, worker
from tests.workbench.page import Page
from tests.workbench.server import running

_FOLDER = Path(__file__).parent.parent.parent / "docs" / "pictures"
_PRODUCTS, _HALF = 24, 9
_PATIENCE = 300
_HEIGHT = 900


def main() -> None:
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        with (
            running("stock", folder, products=_PRODUCTS) as site,
            chromium(site, folder / "profile") as browser,
        ):
            browser.log_in()
            _take(browser, folder)


def _take(browser: Browser, folder: Path) -> None:
    merchant = Merchant(browser)
    browser.driver.execute_script("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
    browser.open(Page("products", "/admin/shop/product/"))
    merchant.click("#action-toggle")
    merchant.choose("select[name=action]", "Enhance")
    merchant.click("button[name=index]")
    merchant.click("input[name=preset][value=white]")
    merchant.wait("button[name=start]:not([disabled])", _PATIENCE)
    _keep(browser, "start")
    with worker(folder):
        merchant.click("button[name=start]:not([disabled])")
        merchant.wait_until(lambda: _made(browser) >= _HALF, _PATIENCE)
        _keep(browser, "run")
        merchant.wait('#imagery-progress[data-active="0"]', _PATIENCE)
    merchant.click("#run-review")
    merchant.click(".review-large")
    merchant.wait("#review-stage [data-key=a]", _PATIENCE)
    _keep(browser, "review")


def _made(browser: Browser) -> int:
    return len(browser.driver.find_elements("css selector", ".run-tile img[src*=results]"))


def _keep(browser: Browser, name: str) -> None:
    """Write what the window shows as a WebP file, once its pictures are loaded."""
    deadline = time.monotonic() + _PATIENCE
    loaded = "return [...document.images].every((one) => one.complete && one.naturalWidth)"
    while not browser.driver.execute_script(loaded):
        assert time.monotonic() < deadline, f"pictures of the page “{name}” are missing"
        time.sleep(0.2)
    shot = Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")
    _FOLDER.mkdir(exist_ok=True)
    path = _FOLDER / f"{name}.webp"
    shot.crop((0, 0, shot.width, min(_HEIGHT, shot.height))).save(path, quality=82, method=6)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
