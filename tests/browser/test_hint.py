"""A person's hint in a real browser: a box and a stroke drawn on the picture, with the mouse and by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, ResultImage
from product_imagery.products import description_of
from product_imagery.testing.pictures import draw_product, encoded
from tests.test_browser import _Merchant, _until, browser  # noqa: F401  fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

#: in one step, because the form is swapped after each change
_PRESS = "const b = document.querySelector('[name=make]'); if (!b || b.disabled) return false; b.click(); return true"


def test_a_box_and_a_point_are_drawn_and_ordered(
    browser: Any,  # noqa: F811
    live_server: Any,
    make_product: Callable[..., Any],
    person: Callable[..., Any],
    model_file: Any,
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    product = make_product(content=encoded(draw_product((900, 600))))
    look = spec_of_operation("remove_background", {})
    enhance({description_of(type(product)): [product.pk]}, look, channel="command")
    run_slice(until_idle=True)
    result = ResultImage.objects.get()
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    merchant.open(f"/admin/product_imagery/enhancement/{result.enhancement_id}/review/?focus={result.pk}")
    merchant.wait(".review-decide [data-key=m]")
    browser.find_element("css selector", ".review-decide [data-key=m]").click()
    merchant.wait(".hint-picture[tabindex] img")
    _until(lambda: int(merchant.find(".hint-picture img").get_attribute("naturalWidth")) > 1)
    board = merchant.find(".hint-picture")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", board)
    size = board.size
    drag = ActionChains(browser).move_to_element_with_offset(board, -size["width"] // 4, -size["height"] // 4)
    drag.click_and_hold().move_by_offset(size["width"] // 4, size["height"] // 3)
    drag.move_by_offset(size["width"] // 4, size["height"] // 6).release().perform()

    def region() -> list[float]:
        values = [one.get_attribute("value") for one in browser.find_elements("css selector", "[data-region]")]
        return [float(value) for value in values if value]

    _until(lambda: region() == pytest.approx([0.25, 0.25, 0.5, 0.5], abs=0.03))
    _until(lambda: merchant.find("[name=make]").is_enabled())
    merchant.picture("47-hint")
    browser.execute_script("document.querySelector('[data-pen=remove]').click()")
    browser.execute_script("document.querySelector('.hint-picture').focus()")
    ActionChains(browser).send_keys(Keys.ARROW_LEFT * 3, Keys.ENTER).perform()
    _until(lambda: merchant.find("[data-strokes=remove]").get_attribute("value") == "0.44,0.5")
    _until(lambda: browser.execute_script(_PRESS))
    _until(lambda: Enhancement.objects.count() == 2)
    made = Enhancement.objects.latest("pk").options
    assert made["remove"] == "0.44,0.5"
    assert [float(share) for share in made["region"].split(",")] == pytest.approx([0.25, 0.25, 0.5, 0.5], abs=0.03)
