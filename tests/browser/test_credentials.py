"""The test picture of an account in a real browser: it comes in while the form below keeps what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from product_imagery.models import ProviderCredential
from tests.browser.test_start import _is_shown
from tests.test_browser import _Merchant, _until, browser, worker  # noqa: F401  fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
_CAME_BACK = "#test-picture figure:nth-of-type(2) img"


def test_a_test_picture_comes_in_while_the_form_is_edited(
    browser: Any,  # noqa: F811
    live_server: Any,
    worker: None,  # noqa: F811
    model_file: Path,
    person: Callable[..., Any],
    settings: Any,
) -> None:
    settings.DEBUG = True  # the example project serves media itself only so
    credential = ProviderCredential.objects.create(provider="local", label="This machine")
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    merchant.open(f"/admin/product_imagery/providercredential/{credential.pk}/change/")
    assert merchant.find("#test-picture button").text == "Make a test picture, free"
    merchant.click("#test-picture button")
    merchant.wait("#test-picture[hx-get]")
    merchant.write("#id_budget_day", "5")
    merchant.wait(_CAME_BACK)
    _until(_is_shown(browser, _CAME_BACK))
    merchant.wait("#test-picture:not([hx-get]) button")
    assert merchant.find("#id_budget_day").get_attribute("value") == "5"
    merchant.picture("50-test-picture")
    assert [entry for entry in browser.get_log("browser") if "favicon" not in str(entry)] == []
