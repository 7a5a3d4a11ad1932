"""Small copies in a real browser: a picture that is still being made appears without a new page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from product_imagery.testing.pictures import draw_product, encoded
from tests.fakes.storages import copies_being_made
from tests.test_browser import _Merchant, _until, browser  # noqa: F401  fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_a_placeholder_is_replaced_when_the_others_are_done(
    browser: Any,  # noqa: F811
    live_server: Any,
    make_product: Callable[..., Any],
    person: Callable[..., Any],
) -> None:
    product = make_product(content=encoded(draw_product((900, 600))))
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))

    def width() -> int:
        return int(merchant.find(".product-pictures img").get_attribute("naturalWidth"))

    with copies_being_made(product.photo.name) as go_on:
        merchant.open(f"/admin/shop/product/{product.pk}/change/")
        _until(lambda: width() == 1)
        merchant.picture("45-small-copy-placeholder")
        go_on()
        _until(lambda: width() == 320)
