"""The merchant's path in a real browser, from login to the picture on the storefront and back."""

from __future__ import annotations

import base64
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from example_project.shop.models import Product
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, Preset, ProviderCredential, ProviderJob, ResultImage, transitions
from product_imagery.states import Publication
from tests.workbench.browser import launched

pytest.importorskip("selenium", reason="selenium is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
_DESKTOP, _PHONE = (1280, 900), (390, 844)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """Headless Chromium; skipped where there is none."""
    try:
        with launched(tmp_path / "profile") as driver:
            yield driver
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture
def worker(db: None) -> Iterator[None]:
    """A worker beside the site, as in life."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            run_slice(seconds=0.5, stop=stop)
            stop.wait(0.1)
        connection.close()

    thread = threading.Thread(target=loop)
    thread.start()
    yield
    stop.set()
    thread.join()


class _Merchant:
    """What a person does with a mouse and a keyboard."""

    def __init__(self, browser: Any, address: str) -> None:
        self._browser, self._address = browser, address

    def open(self, path: str) -> None:
        self._browser.get(self._address + path)

    def log_in(self, client: Any) -> None:
        """Go on with the session of a test client."""
        self.open("/admin/login/")
        self._browser.add_cookie({"name": "sessionid", "value": client.cookies["sessionid"].value})

    def find(self, selector: str) -> Any:
        return self._browser.find_element("css selector", selector)

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def write(self, selector: str, text: str) -> None:
        self.find(selector).send_keys(text)

    def wait(self, selector: str, seconds: float = 60) -> Any:
        from selenium.webdriver.support.expected_conditions import presence_of_element_located
        from selenium.webdriver.support.wait import WebDriverWait

        return WebDriverWait(self._browser, seconds).until(presence_of_element_located(("css selector", selector)))

    def picture(self, name: str) -> None:
        """Keep screenshots, desktop and phone, light and dark, where ``IMAGERY_SCREENSHOTS`` names a folder."""
        folder = os.environ.get("IMAGERY_SCREENSHOTS")
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        for label, (width, height) in (("desktop", _DESKTOP), ("phone", _PHONE)):
            self._browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": label == "phone"},
            )
            for scheme in ("light", "dark"):
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                self._browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
                shot = self._browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": False})
                Path(folder, f"{name}-{label}-{scheme}.png").write_bytes(base64.b64decode(shot["data"]))
        self._browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self._browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_merchant_gets_a_better_picture_and_takes_it_back(
    browser: Any, live_server: Any, worker: None, model_file: Path, make_product: Callable[..., Product], settings: Any
) -> None:
    settings.DEBUG = True  # the example project serves media itself only so
    photos = Path(__file__).parent.parent / "example_project/catalogue/photos"
    get_user_model().objects.create_superuser("merchant", password="secret")
    for name in ("mug-striped", "teapot-clay", "vase-red"):
        make_product(name.replace("-", " ").title(), content=(photos / f"{name}.jpg").read_bytes())
    make_product("Broken upload", content=b"not a picture")
    assert Preset.objects.filter(name="white").exists()
    merchant = _Merchant(browser, live_server.url)

    merchant.open("/admin/shop/product/")
    merchant.write("#id_username", "merchant")
    merchant.write("#id_password", "secret")
    merchant.click("[type=submit]")
    merchant.wait("#action-toggle").click()
    merchant.find("select[name=action]").send_keys("Enhance")
    merchant.picture("1-products")
    merchant.click("button[name=index]")

    merchant.wait(".imagery-looks")
    assert "4" in merchant.find(".imagery-figures").text
    merchant.picture("2-start")
    merchant.click("button[name=start]")

    merchant.wait("#imagery-progress")
    merchant.picture("3-progress-busy")
    merchant.wait('#imagery-progress[data-active="0"]')
    assert "not a picture that can be read" in merchant.find("#imagery-progress").text
    merchant.picture("4-progress-done")
    merchant.click("a.pi-button--main")

    merchant.wait(".review-tiles")
    merchant.picture("5-review")
    result = ResultImage.objects.get(item__label="Mug Striped")
    merchant.click(f"#item-{result.item_id} button[name=approve_and_publish]")
    merchant.wait(f"#item-{result.item_id}.review-tile--decided")
    _until(lambda: ResultImage.objects.get(pk=result.pk).publication == Publication.PUBLISHED)
    merchant.open(f"/admin/product_imagery/enhancement/{result.item.enhancement_id}/review/?show=approved")
    assert not browser.find_elements("css selector", "[name=ticked], button[value=ticked]")  # nothing to judge
    merchant.picture("6-approved")

    product = Product.objects.get(title="Mug Striped")
    merchant.open(f"/products/{product.pk}/")
    assert _is_loaded(browser, merchant.find("img[data-enhanced]"))
    merchant.open("/")
    merchant.picture("7-storefront")

    merchant.open("/admin/product_imagery/imageversion/")
    merchant.picture("8-versions")
    merchant.click("#action-toggle")
    merchant.find("select[name=action]").send_keys("Put the earlier")
    merchant.click("button[name=index]")
    merchant.wait(".messagelist .success")
    merchant.open(f"/products/{product.pk}/")
    assert merchant.find("img[data-original]")

    pages = {"9-enhancements": "enhancement/", "10-items": "enhancementitem/", "11-presets": "preset/"}
    pages |= {
        "12-credentials": "providercredential/",
        "13-review-empty": f"enhancement/{result.item.enhancement_id}/review/?show=rejected",
    }
    pages |= {"14-item": f"enhancementitem/{result.item_id}/change/"}
    for name, path in pages.items():
        merchant.open(f"/admin/product_imagery/{path}")
        assert merchant.find("#content")
        merchant.picture(name)
    assert [
        entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE" and "favicon" not in str(entry)
    ] == []


def _until(true: Callable[[], bool], seconds: float = 30) -> None:
    import time

    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(NoSuchElementException, StaleElementReferenceException):  # a part is being swapped
            if true():
                return
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _is_loaded(browser: Any, image: Any) -> bool:
    return bool(browser.execute_script("return arguments[0].complete && arguments[0].naturalWidth > 300", image))


def test_the_confirm_page_works_without_javascript(
    browser: Any, live_server: Any, make_product: Callable[..., Product], person: Callable[..., Any]
) -> None:
    client, product = person("*"), make_product()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(client)
    merchant.open("/admin/shop/product/")
    merchant.click(f'input[name=_selected_action][value="{product.pk}"]')
    merchant.find("select[name=action]").send_keys("Enhance")
    merchant.click("button[name=index]")
    merchant.wait("input[value=larger]").click()
    merchant.click("button[name=start]")
    assert "You chose another look" in merchant.wait("#imagery-figures [role=alert]").text
    assert not Enhancement.objects.exists()
    merchant.click("input[value=cut-out]")
    merchant.click("button[value=look]")
    assert merchant.wait("#id_option-crop")
    merchant.click("button[name=start]")
    merchant.wait("#imagery-progress")
    assert Enhancement.objects.get().preset == Preset.objects.get(name="cut-out")


def test_start_waits_on_a_slow_line_for_the_look_that_is_highlighted(
    browser: Any, live_server: Any, make_product: Callable[..., Product], person: Callable[..., Any]
) -> None:
    client, product = person("*"), make_product()
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(client)
    merchant.open("/admin/shop/product/")
    merchant.click(f'input[name=_selected_action][value="{product.pk}"]')
    merchant.find("select[name=action]").send_keys("Enhance")
    merchant.click("button[name=index]")
    merchant.wait("#imagery-start")
    slow = {"offline": False, "latency": 2500, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    look = merchant.find("input[value=larger]")
    look.click()
    start = merchant.find("button[name=start]")
    assert not start.is_enabled()
    assert float(start.value_of_css_property("opacity")) < 0.6
    browser.execute_script("document.querySelector('button[name=start]').click()")
    assert not Enhancement.objects.exists()
    merchant.wait("#id_option-factor")
    assert browser.switch_to.active_element == look  # the keyboard stays where it was
    merchant.click("button[name=start]")
    merchant.wait("#imagery-progress")
    assert Enhancement.objects.get().preset == Preset.objects.get(name="larger")


def test_a_shop_that_writes_its_numbers_with_separators_can_decide(
    browser: Any,
    live_server: Any,
    large_ids: None,
    make_product: Callable[..., Product],
    enlarge: Callable[..., Enhancement],
    work: Callable[[], Any],
    person: Callable[..., Any],
    settings: Any,
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    settings.LANGUAGE_CODE = "de"
    client = person("*")
    enhancement = enlarge(make_product("Rote Flasche"), make_product("Blaue Flasche"))
    work()
    first, second = ResultImage.objects.order_by("pk")
    assert first.pk > 1500
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(client)
    merchant.open(f"/admin/product_imagery/enhancement/{enhancement.pk}/review/")
    merchant.click(f"#item-{first.item_id} button[name=approve_and_publish]")
    merchant.wait(f"#item-{first.item_id}.review-tile--decided")
    tick = merchant.find(f"#tick-{second.item_id}")
    if not tick.is_selected():
        tick.click()
    merchant.click("button[name=reject][value=ticked]")
    merchant.wait(".messagelist .success")
    assert list(ResultImage.objects.order_by("pk").values_list("review", flat=True)) == ["approved", "rejected"]


def test_lost_requests_are_decided_together(
    browser: Any,
    live_server: Any,
    make_product: Callable[..., Product],
    enlarge: Callable[..., Enhancement],
    person: Callable[..., Any],
) -> None:
    for title in ("Red bottle", "Blue bottle"):
        enlarge(make_product(title))
    transitions.mark_sending(ProviderJob.objects.all(), 60.0)
    transitions.mark_stalled(ProviderJob.objects.all(), "The connection was lost. It may have been accepted.")
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    merchant.open("/admin/product_imagery/providerjob/")
    merchant.wait("#action-toggle").click()
    merchant.find("select[name=action]").send_keys("Give up")
    merchant.picture("16-lost-requests")
    merchant.click("button[name=index]")
    button = merchant.wait("button[name=confirmed]")
    assert merchant.find(".breadcrumbs a[href$='/providerjob/']")
    merchant.picture("17-decide")
    button.click()
    merchant.wait(".messagelist .success")
    assert set(ProviderJob.objects.values_list("state", flat=True)) == {"failed"}
    merchant.log_in(person("view_providerjob", "view_product"))
    merchant.open("/admin/product_imagery/providerjob/")
    assert "You lack the permission" in merchant.find("#content").text
    merchant.picture("18-permission")


def test_the_address_for_webhooks_is_copied_with_one_click(
    browser: Any, live_server: Any, person: Callable[..., Any], settings: Any
) -> None:
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "PUBLIC_BASE_URL": "https://shop.example.com"}
    account = ProviderCredential(provider="paqshot", label="Main")
    account.set_secret("pk_live_example_key_0001")
    account.save()
    client = person("*")
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(client)
    merchant.open(f"/admin/product_imagery/providercredential/{account.pk}/change/")
    button = merchant.wait("button[data-copies]")
    browser.execute_script("document.querySelector('.field-webhook').scrollIntoView()")
    merchant.picture("15-credential")
    button.click()
    _until(lambda: button.text == "Copied")
    merchant.write("#id_budget_day", "12")
    merchant.click("input[name=_save]")
    merchant.wait(".messagelist .success")
    assert ProviderCredential.objects.get().budget_day == 12
