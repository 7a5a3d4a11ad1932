"""The clicks of a merchant with 500 products: python -m tests.workbench.five_hundred [--products 500] [--look white]

A script acts in Chromium as the merchant does, on a shop with a real worker: from the product list to “published”, and,
for some pictures, one by one in large. Every click and key is counted, and what the browser loads for each picture.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.workbench.browser import Browser, chromium
from tests.workbench.page import Page
from tests.workbench.server import environment_of, running

_ONE_BY_ONE = 12
_LOADED = "return performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0)"


class Merchant:
    """A person with a mouse and a keyboard; what they do is counted."""

    def __init__(self, browser: Browser) -> None:
        self._browser, self.clicks, self.keys, self.waited = browser, 0, 0, 0.0

    def click(self, selector: str) -> None:
        """Click on the first element of a selector, once it is there."""
        element = self.wait(selector, 60)
        self.clicks += 1
        self._browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def choose(self, selector: str, text: str) -> None:
        """Choose in a list: one click to open it, one for the choice."""
        self.clicks += 2
        self.wait(selector, 60).send_keys(text)

    def press(self, key: str) -> None:
        """Press a key on the page."""
        self.keys += 1
        self._browser.driver.find_element("css selector", "body").send_keys(key)

    def wait(self, selector: str, seconds: float) -> Any:
        """Wait until an element is there."""
        found: list[Any] = []

        def there() -> bool:
            found[:] = self._browser.driver.find_elements("css selector", selector)
            return bool(found)

        self.wait_until(there, seconds)
        return found[0]

    def wait_until(self, true: Callable[[], bool], seconds: float) -> None:
        """Wait, and count the seconds."""
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < seconds, "it did not come"
            time.sleep(0.2)
        self.waited += time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=500)
    parser.add_argument("--look", default="white")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        with (
            running("stock", folder, products=options.products) as site,
            worker(folder),
            chromium(site, folder / "profile") as browser,
        ):
            browser.log_in()
            _go(browser, options.products, options.look)


@contextmanager
def worker(folder: Path) -> Iterator[None]:
    """Run a worker of the shop in ``folder`` until the block ends."""
    environment = environment_of("stock", folder)
    command = [sys.executable, "manage.py", "imagery_worker"]
    with open(os.devnull, "w") as nowhere:
        worker = subprocess.Popen(command, env=environment, stdout=nowhere, stderr=nowhere)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait()


def _go(browser: Browser, products: int, look: str) -> None:
    merchant, began = Merchant(browser), time.monotonic()
    browser.open(Page("products", "/admin/shop/product/"))
    merchant.click("#action-toggle")
    if products > 100:
        merchant.click(".actions .question a")
    merchant.choose("select[name=action]", "Enhance")
    merchant.click("button[name=index]")
    merchant.click(f"input[name=preset][value={look}]")
    merchant.wait("button[name=start]:not([disabled])", 60)
    merchant.click("button[name=start]:not([disabled])")
    merchant.wait("#imagery-progress", 60)
    address = browser.driver.current_url
    merchant.wait('#imagery-progress[data-active="0"]', 3600)
    _tell(merchant, began, "pictures made")
    one_by_one = _one_by_one(merchant, browser)
    browser.driver.get(f"{address.removesuffix('change/')}review/")
    loaded = browser.driver.execute_script(_LOADED)
    tiles = len(browser.driver.find_elements("css selector", ".review-tile"))
    merchant.click("button[name=all]")
    merchant.wait_until(lambda: not browser.driver.find_elements("css selector", "button[name=all]"), 600)
    _tell(merchant, began, "all without warnings approved")
    browser.driver.get(address)
    merchant.wait('#imagery-progress[data-active="0"]', 3600)
    _tell(merchant, began, "published")
    print(f"  list: {loaded / max(1, tiles) / 1024:.0f} KB a picture, {tiles} on the page; one by one: {one_by_one}")


def _one_by_one(merchant: Merchant, browser: Browser) -> str:
    """Decide on some pictures in large, by keys."""
    merchant.click("#run-review")
    merchant.click(".review-large")
    keys, before = merchant.keys, browser.driver.execute_script(_LOADED)
    for _number in range(_ONE_BY_ONE):
        merchant.wait("#review-stage [data-key=a]", 60)
        title = _title(browser)
        merchant.press("a")
        merchant.wait_until(lambda told=title: _title(browser) not in ("", told), 60)
    loaded = browser.driver.execute_script(_LOADED) - before
    return f"{(merchant.keys - keys) / _ONE_BY_ONE:.0f} key and {loaded / _ONE_BY_ONE / 1024:.0f} KB a picture"


def _title(browser: Browser) -> str:
    """Return the title of the picture that is shown in large; empty between two pictures."""
    script = "return document.querySelector('#review-stage h2')?.textContent || ''"
    return str(browser.driver.execute_script(script))


def _tell(merchant: Merchant, began: float, what: str) -> None:
    took = time.monotonic() - began
    actions = f"{merchant.clicks} clicks, {merchant.keys} keys"
    print(f"{what}: {actions}, {took:.0f} s, of them {merchant.waited:.0f} s of waiting", flush=True)


if __name__ == "__main__":
    main()
