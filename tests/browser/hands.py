"""Ways to use the pages: with a mouse, with the keyboard alone, on a phone, without JavaScript, on a slow line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.test_browser import _Merchant, _until

_MOST_STOPS = 400  #: presses of Tab on one page
_PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
_SLOW = {"offline": False, "latency": 2500, "downloadThroughput": -1, "uploadThroughput": -1}
_INTO_VIEW = "arguments[0].scrollIntoView({block: 'nearest'})"  # not behind a bar at the edge
_TOO_WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Mouse(_Merchant):
    """Clicks. ``with_script`` is false where the pages have no JavaScript."""

    with_script = True

    def __init__(self, browser: Any, address: str) -> None:
        super().__init__(browser, address)
        self.browser = browser

    def press(self, selector: str) -> None:
        """Press a button, a link or a box, once it is there and can be pressed."""
        self.when_ready(selector, lambda element: element.click())

    def when_ready(self, selector: str, act: Callable[[Any], None]) -> None:
        """Act on an element once it is there, enabled, and not being swapped."""
        from selenium.common.exceptions import ElementClickInterceptedException, ElementNotInteractableException

        def done() -> bool:
            element = self.find(selector)
            if not element.is_enabled():
                return False
            try:
                self.browser.execute_script(_INTO_VIEW, element)
                act(element)
            except (ElementClickInterceptedException, ElementNotInteractableException):
                return False
            return True

        _until(done, 60)

    def choose(self, selector: str, text: str) -> None:
        """Choose in a list by the beginning of an option."""
        self.when_ready(selector, lambda element: element.send_keys(text))

    def log_in_by_form(self) -> None:
        """Log in as ``merchant`` on the page that is shown."""
        self.wait("#id_username")
        self.write("#id_username", "merchant")
        self.write("#id_password", "secret")
        self.press("[type=submit]")


class Keyboard(Mouse):
    """Reaches everything with Tab, and presses it with Enter, Space or an arrow key."""

    def press(self, selector: str) -> None:
        self.when_ready(selector, self._press)

    def choose(self, selector: str, text: str) -> None:
        self.when_ready(selector, lambda element: (self._go_to(element), self.type(text)))  # type: ignore[func-returns-value]

    def write(self, selector: str, text: str) -> None:
        self._go_to(self.find(selector))
        self.type(text)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(text).perform()

    def _press(self, element: Any) -> None:
        from selenium.webdriver.common.keys import Keys

        kind = element.get_attribute("type")
        if kind == "radio":
            self._choose_radio(element)
            return
        self._go_to(element)
        self.type(Keys.SPACE if kind == "checkbox" else Keys.ENTER)

    def _choose_radio(self, element: Any) -> None:
        from selenium.webdriver.common.keys import Keys

        name = element.get_attribute("name")
        self._tab_until(lambda: self.browser.switch_to.active_element.get_attribute("name") == name)
        for _key in range(30):
            if element.is_selected():
                return
            self.type(Keys.ARROW_DOWN)
        raise AssertionError(f"the arrow keys do not reach {name}")

    def _go_to(self, element: Any) -> None:
        self._tab_until(lambda: self.browser.switch_to.active_element == element)

    def _tab_until(self, there: Callable[[], bool]) -> None:
        from selenium.webdriver.common.keys import Keys

        for _stop in range(_MOST_STOPS):
            if there():
                return
            self.type(Keys.TAB)
        raise AssertionError("Tab does not get there")


class Phone(Mouse):
    """390 pixels wide. No page of ours may be wider."""

    def __init__(self, browser: Any, address: str) -> None:
        super().__init__(browser, address)
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", _PHONE)

    def press(self, selector: str) -> None:
        self.wait(selector)
        if self.browser.find_elements("css selector", ".imagery"):
            assert self.browser.execute_script(_TOO_WIDE) <= 0, self.browser.current_url
        super().press(selector)


class WithoutScript(Mouse):
    """JavaScript is off."""

    with_script = False

    def __init__(self, browser: Any, address: str) -> None:
        super().__init__(browser, address)
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})


class SlowLine(Mouse):
    """From the login on, each response begins 2.5 seconds late."""

    def log_in_by_form(self) -> None:
        super().log_in_by_form()
        self.browser.execute_cdp_cmd("Network.enable", {})
        self.browser.execute_cdp_cmd("Network.emulateNetworkConditions", _SLOW)


WAYS = (Keyboard, Phone, WithoutScript, SlowLine)
