"""Pages in Arabic in a real browser: keys, slider and charts follow the reading direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from product_imagery.models import Enhancement, ResultImage
from tests.test_browser import _Merchant, _until, browser  # noqa: F401  fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def made(make_product: Any, enlarge: Any, work: Any, settings: Any) -> Enhancement:
    """Finished pictures of two products, in a shop that speaks Arabic."""
    settings.DEBUG = True  # the example project serves media itself only so
    settings.LANGUAGE_CODE = "ar"
    enhancement: Enhancement = enlarge(make_product("Red"), make_product("Blue"))
    work()
    return enhancement


def test_keys_and_slider_follow_the_reading_direction(
    browser: Any,  # noqa: F811
    live_server: Any,
    made: Enhancement,
    person: Callable[..., Any],
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    first = ResultImage.objects.order_by("pk")[0]
    merchant.open(f"/admin/product_imagery/enhancement/{made.pk}/review/?focus={first.pk}")
    merchant.wait('.review-view[data-mode="slider"]')
    browser.execute_script(
        "const range = document.querySelector('.review-slider input'); range.value = 30;"
        "range.dispatchEvent(new Event('input'))"
    )
    line, view = (merchant.find(one).rect for one in (".review-line", ".review-view"))
    assert (view["x"] + view["width"] - line["x"]) / view["width"] == pytest.approx(0.3, abs=0.02)
    assert merchant.find("[data-side=after]").value_of_css_property("clip-path") == "inset(0px 30% 0px 0px)"

    def shown() -> str:
        return str(merchant.find(".review-head h2").text)

    assert merchant.find("[rel=next]").rect["x"] < merchant.find(".review-head h2").rect["x"]
    before = shown()
    ActionChains(browser).send_keys(Keys.ARROW_LEFT).perform()
    _until(lambda: shown() != before)
    ActionChains(browser).send_keys(Keys.ARROW_RIGHT).perform()
    _until(lambda: shown() == before)


def test_the_days_of_a_chart_run_to_the_left(
    browser: Any,  # noqa: F811
    live_server: Any,
    made: Enhancement,
    person: Callable[..., Any],
) -> None:
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    merchant.open("/admin/product_imagery/enhancement/home/")
    merchant.wait(".u-over")
    axes = merchant.find(".home-plot .u-axis:nth-of-type(2), .home-plot .u-axis + .u-axis")
    plot = merchant.find(".home-plot .u-over")
    assert axes.rect["x"] > plot.rect["x"] + plot.rect["width"] / 2
