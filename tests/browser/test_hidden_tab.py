"""A run page in a tab that nobody sees asks the server for nothing, and goes on when it is seen again."""

from __future__ import annotations

from typing import Any

import pytest

from product_imagery.flows.worker.loop import run_slice
from tests.browser.hands import Mouse
from tests.test_browser import _until, browser  # noqa: F401  fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

#: keeps the timers of a page that wait for a second or longer, as polls do
_WATCH = """
window.waiting = new Set();
const {setTimeout: set, clearTimeout: clear} = window;
window.setTimeout = (call, wait, ...values) => {
  const timer = set(() => { waiting.delete(timer); call(...values); }, wait);
  if (wait >= 1000) waiting.add(timer);
  return timer;
};
window.clearTimeout = (timer) => { waiting.delete(timer); clear(timer); };
"""


def test_polls_stop_while_the_tab_is_hidden(
    browser: Any,  # noqa: F811
    live_server: Any,
    make_product: Any,
    enlarge: Any,
    person: Any,
) -> None:
    merchant = Mouse(browser, live_server.url)
    merchant.log_in(person("*"))
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
    merchant.open(f"/admin/product_imagery/enhancement/{enlarge(make_product()).pk}/change/")

    def polls() -> int:
        return int(browser.execute_script("return waiting.size"))

    _until(lambda: polls() == 1)
    page = browser.current_window_handle
    browser.switch_to.new_window("tab")
    other = browser.current_window_handle
    browser.switch_to.window(page)
    browser.execute_cdp_cmd("Target.activateTarget", {"targetId": other})
    _until(lambda: browser.execute_script("return document.hidden"))
    _until(lambda: polls() == 0)
    run_slice(until_idle=True)
    assert merchant.find(".run-tile").get_attribute("data-state") == "queued"
    browser.execute_cdp_cmd("Target.activateTarget", {"targetId": page})
    merchant.wait(".run-tile--review")
