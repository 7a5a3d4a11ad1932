"""The review in a real browser: by keyboard alone, without JavaScript, and with a way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from example_project.shop.models import Product
from product_imagery.admin.review import steps
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ResultImage
from tests.test_browser import _Merchant, _until, browser  # noqa: F401  fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
_PHOTOS = Path(__file__).parents[2] / "example_project/catalogue/photos"
_NAMES = ("mug-striped", "teapot-clay", "vase-red", "lamp-brass", "hat-bobble")


@pytest.fixture
def made(
    make_product: Callable[..., Product], enlarge: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Enhancement:
    """Finished pictures of five products; the last one has a warning. People have ten minutes for second thoughts."""
    settings.DEBUG = True  # the example project serves media itself only so
    monkeypatch.setattr(steps, "UNDO_SECONDS", 600.0)
    products = [make_product(name.title(), content=(_PHOTOS / f"{name}.jpg").read_bytes()) for name in _NAMES]
    enhancement: Enhancement = enlarge(*products)
    run_slice(until_idle=True)
    ResultImage.objects.filter(pk=ResultImage.objects.latest("pk").pk).update(warnings=["low_contrast"])
    EnhancementItem.objects.rank(enhancement.items.all())
    return enhancement


def _open(browser: Any, live_server: Any, person: Any, enhancement: Enhancement, query: str = "") -> _Merchant:  # noqa: F811
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    merchant.open(f"/admin/product_imagery/enhancement/{enhancement.pk}/review/{query}")
    return merchant


def _press(browser: Any, key: str) -> None:  # noqa: F811
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(key).perform()


def _reviews() -> list[str]:
    return list(ResultImage.objects.order_by("pk").values_list("review", flat=True))


def _errors(browser: Any) -> list[Any]:  # noqa: F811
    return [one for one in browser.get_log("browser") if one["level"] == "SEVERE" and "favicon" not in str(one)]


def test_the_keyboard_alone_decides_three_pictures(
    browser: Any,  # noqa: F811
    live_server: Any,
    made: Enhancement,
    person: Callable[..., Any],
) -> None:
    from selenium.webdriver.common.keys import Keys

    merchant = _open(browser, live_server, person, made)
    worst = ResultImage.objects.exclude(warnings=[]).get()
    merchant.picture("40-review")
    merchant.open(f"/admin/product_imagery/enhancement/{made.pk}/review/?focus={worst.pk}")
    merchant.wait('.review-view[data-mode="slider"]')
    merchant.picture("41-review-large")

    def shown() -> str:
        return str(merchant.find(".review-head h2").text)

    for key, verdict in (("a", "approved"), ("r", "rejected"), ("a", "approved")):
        before, number = shown(), _reviews().count("pending")
        last = before
        _press(browser, key)
        _until(lambda before=before: shown() != before)  # type: ignore[misc]
        assert _reviews().count("pending") == number - 1
        assert verdict in _reviews()
    assert _reviews().count("approved") == 2
    _press(browser, "u")
    _until(lambda: _reviews().count("pending") == 3)
    _until(lambda: shown() == last)
    _press(browser, Keys.ARROW_RIGHT)
    _until(lambda: shown() != last)
    _press(browser, Keys.ARROW_LEFT)
    _until(lambda: shown() == last)
    _press(browser, "?")
    assert merchant.find("#review-help").is_displayed()
    merchant.picture("42-review-keys")
    for key, mode in (("d", "side"), ("b", "blink"), ("s", "slider")):
        _press(browser, key)
        assert merchant.find(f'.review-view[data-mode="{mode}"]')
    _press(browser, "z")
    _until(lambda: merchant.find("[data-zoom]").get_attribute("aria-pressed") == "true")
    scales = browser.execute_script(
        "return [...document.querySelectorAll('.review-zoom')].map((one) => getComputedStyle(one).transform)"
    )
    assert len(set(scales)) == 1
    assert scales[0] != "none"
    merchant.picture("43-review-zoomed")
    _press(browser, Keys.ESCAPE)
    merchant.wait(".review-tiles")
    assert _errors(browser) == []


def test_a_decision_swaps_one_tile_and_keeps_place_and_ticks(
    browser: Any,  # noqa: F811
    live_server: Any,
    made: Enhancement,
    person: Callable[..., Any],
) -> None:
    merchant = _open(browser, live_server, person, made)
    results = list(ResultImage.objects.order_by("pk"))
    ticks = [merchant.find(f"#tick-{one.item_id}") for one in results]
    ticks[0].click()
    browser.execute_script("window.kept = true; window.scrollTo(0, 120)")
    place = browser.execute_script("return window.scrollY")
    button = f"#item-{results[2].item_id} button[name=approve_and_publish]"
    browser.execute_script("document.querySelector(arguments[0]).click()", button)
    merchant.wait(f"#item-{results[2].item_id}.review-tile--decided")
    assert browser.execute_script("return [window.kept, window.scrollY]") == [True, place]
    assert [one.is_selected() for one in (ticks[0], ticks[1])] == [True, False]
    assert "1 picture approved and being published" in merchant.find("#review-toast").text
    assert "To review 4" in " ".join(merchant.find("#review-summary").text.split())
    merchant.picture("44-review-decided")
    merchant.click("#review-toast button")
    _until(lambda: _reviews() == ["pending"] * 5)
    merchant.wait(f"#item-{results[2].item_id}:not(.review-tile--decided)")
    assert ticks[0].is_selected()
    merchant.click(f"#item-{results[1].item_id} .review-picture")
    merchant.wait("#review-stage [data-key=Escape]").click()
    merchant.wait(".review-tiles")
    assert merchant.find(f"#tick-{results[0].item_id}").is_selected()
    assert not merchant.find(f"#tick-{results[1].item_id}").is_selected()
    assert "Ticked: 1" in merchant.find("#review-ticked").text
    assert _errors(browser) == []


def test_another_is_asked_for_by_keyboard_and_by_mouse(
    browser: Any,  # noqa: F811
    live_server: Any,
    made: Enhancement,
    person: Callable[..., Any],
) -> None:
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select

    merchant = _open(browser, live_server, person, made)
    worst = ResultImage.objects.exclude(warnings=[]).get()
    merchant.open(f"/admin/product_imagery/enhancement/{made.pk}/review/?focus={worst.pk}")
    merchant.wait('.review-view[data-mode="slider"]')

    def focused() -> str:
        return str(browser.execute_script("return document.activeElement.id || document.activeElement.tagName"))

    before = focused()
    _press(browser, "m")
    merchant.wait("dialog[open] #another-form")
    _until(lambda: focused() == "id_option-factor")
    assert not merchant.find("#another-form [name=make]").is_enabled()
    merchant.picture("47-review-another")
    _press(browser, "a")  # means nothing while one is asked
    _press(browser, Keys.ESCAPE)
    _until(lambda: not browser.find_elements("css selector", "dialog[open]"))
    assert focused() == before
    assert _reviews() == ["pending"] * 5
    merchant.click("[data-key=m]")
    Select(merchant.wait("dialog[open] #id_option-factor")).select_by_value("4")
    _until(lambda: merchant.find("#another-form [name=make]").is_enabled())
    assert focused() == "id_option-factor"
    assert Enhancement.objects.count() == 1
    merchant.click("#another-form [name=make]")
    _until(lambda: not browser.find_elements("css selector", "dialog[open]"))
    _until(lambda: worst.item.label not in merchant.find(".review-head h2").text)
    assert "Another one is being made" in merchant.find("#review-toast").text
    assert Enhancement.objects.latest("pk").options["factor"] == "4"
    assert _reviews().count("rejected") == 1
    assert _errors(browser) == []


def test_without_javascript_one_is_decided_and_undone(
    browser: Any,  # noqa: F811
    live_server: Any,
    made: Enhancement,
    person: Callable[..., Any],
) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    merchant = _open(browser, live_server, person, made)
    worst = ResultImage.objects.exclude(warnings=[]).get()
    merchant.click(f"#item-{worst.item_id} .review-picture")
    merchant.wait(".review-pane img")
    merchant.picture("45-review-large-without-script")
    merchant.click("button[name=approve_and_publish]")
    merchant.wait(".messagelist .success")
    assert _reviews().count("approved") == 1
    merchant.click("button[name=undo]")
    _until(lambda: _reviews().count("approved") == 0)
    merchant.wait(f".review-head + .review-view img[alt^={worst.item.label}]")
    merchant.click("a[rel=next]")
    merchant.wait(".review-pane img")
    merchant.click("[data-key=Escape]")
    merchant.wait(".review-tiles")


def test_all_without_warnings_are_published_with_one_click(
    browser: Any,  # noqa: F811
    live_server: Any,
    made: Enhancement,
    person: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "UNDO_SECONDS", 0.0)
    merchant = _open(browser, live_server, person, made)
    merchant.click("button[name=all]")
    merchant.wait(".messagelist .success")
    run_slice(until_idle=True)
    assert ImageVersion.objects.count() == 4
    merchant.open(f"/admin/product_imagery/enhancement/{made.pk}/review/?show=published")
    merchant.picture("46-review-published")
    merchant.click("button[name=all]")
    merchant.wait(".messagelist .success")
    assert not ImageVersion.objects.filter(restored_at=None).exists()


def test_who_is_logged_out_in_between_is_told(
    browser: Any,  # noqa: F811
    live_server: Any,
    made: Enhancement,
    person: Callable[..., Any],
) -> None:
    from django.contrib.sessions.models import Session

    merchant = _open(browser, live_server, person, made)
    Session.objects.all().delete()
    merchant.click(".review-tile button[name=approve_and_publish]")
    _until(lambda: "Not saved" in merchant.find("#review-toast").text)
    assert merchant.find(".review-tiles")
    assert _reviews() == ["pending"] * 5
