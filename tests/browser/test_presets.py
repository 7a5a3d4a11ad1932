"""A look of the shop's own in a real browser: chosen by its picture, seen on a product while it is set up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from example_project.shop.models import Product
from product_imagery.models import Preset
from tests.browser.test_start import _PHOTOS, _is_shown
from tests.test_browser import _Merchant, _until, browser  # noqa: F401  fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_a_look_is_seen_on_a_product_while_its_options_change(
    browser: Any,  # noqa: F811
    live_server: Any,
    model_file: Path,
    make_product: Callable[..., Product],
    person: Callable[..., Any],
) -> None:
    make_product("Striped mug", content=(_PHOTOS / "mug-striped.jpg").read_bytes())
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    merchant.open("/admin/product_imagery/preset/")
    merchant.picture("40-presets")
    merchant.open("/admin/product_imagery/preset/add/")
    merchant.picture("41-preset-kinds")
    merchant.click("a[href*='scene']")
    merchant.wait("#id_label").send_keys("Dark slate")
    _until(_is_shown(browser, ".preset-preview img"))
    first = merchant.find(".preset-preview img").get_attribute("src")
    merchant.find("#id_option-scene").send_keys("Dark slate")
    _until(lambda: merchant.find(".preset-preview img").get_attribute("src") != first)
    _until(_is_shown(browser, ".preset-preview img"))
    browser.execute_script("document.querySelector('.preset-preview').scrollIntoView({block: 'center'})")
    merchant.picture("42-preset-preview")
    merchant.click("input[name=_save]")
    merchant.wait(".messagelist .success")
    assert Preset.objects.get(name="dark-slate").options == {"scene": "slate"}
    assert [entry for entry in browser.get_log("browser") if "favicon" not in str(entry)] == []
