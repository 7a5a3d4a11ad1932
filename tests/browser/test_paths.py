"""The whole path from the login to the storefront and back, in each way in which people use the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from example_project.shop.models import Product
from product_imagery.models import ImageVersion, Preset, ResultImage
from tests.browser.hands import WAYS, Mouse
from tests.browser.test_start import _PHOTOS
from tests.test_browser import _until, browser, worker  # noqa: F401  fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.mark.parametrize("way", WAYS)
def test_from_the_login_to_the_storefront_and_back(
    way: type[Mouse],
    browser: Any,  # noqa: F811
    live_server: Any,
    worker: None,  # noqa: F811
    make_product: Callable[..., Product],
    settings: Any,
) -> None:
    settings.DEBUG = True  # the example project serves media itself only so
    get_user_model().objects.create_superuser("merchant", password="secret")
    product = make_product("Striped mug", content=(_PHOTOS / "mug-striped.jpg").read_bytes())
    merchant = way(browser, live_server.url)
    merchant.open("/admin/shop/product/")
    merchant.log_in_by_form()
    merchant.press(f'input[name=_selected_action][value="{product.pk}"]')
    merchant.choose("select[name=action]", "Enhance")
    merchant.press("button[name=index]")
    _start(merchant, "larger")
    merchant.press("#run-review")
    result = ResultImage.objects.get()
    merchant.press(f"#item-{result.item_id} button[name=approve_and_publish]")
    _until(ImageVersion.objects.exists)
    merchant.open(f"/admin/product_imagery/enhancement/{result.item.enhancement_id}/change/")
    merchant.press("#run-summary a[href$='show=published']")
    merchant.press(f"#item-{result.item_id} a[href*='/r/']")
    merchant.wait("img[data-enhanced]")
    merchant.open(f"/admin/shop/product/{product.pk}/change/")
    merchant.press(".product-panel a[href$='/pictures/']")
    merchant.press("button[name=put_back]")
    merchant.wait(".messagelist .success")
    merchant.open(f"/products/{product.pk}/")
    merchant.wait("img[data-original]")


def _start(merchant: Mouse, look: str) -> None:
    assert Preset.objects.filter(name=look).exists()
    merchant.press(f"input[name=preset][value={look}]")
    if not merchant.with_script:
        merchant.press("button[value=look]")
    merchant.wait(f"#imagery-options[data-look={look}]")
    merchant.press("button[name=start]")
    merchant.wait("#imagery-progress")
