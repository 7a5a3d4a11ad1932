"""The start page in a real browser: looks tried on the merchant's own product, and the first three before the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from example_project.shop.models import Product
from product_imagery.flows.results import review
from product_imagery.models import Enhancement, ImageVersion, ResultImage
from tests.test_browser import _Merchant, _until, browser, worker  # noqa: F401  fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
_PHOTOS = Path(__file__).parents[2] / "example_project/catalogue/photos"
_NAMES = ("mug-striped", "teapot-clay", "vase-red", "lamp-brass", "hat-bobble")


@pytest.fixture
def stock(make_product: Callable[..., Product], settings: Any) -> list[Product]:
    """Five products of the catalogue, and one without a picture."""
    settings.DEBUG = True  # the example project serves media itself only so
    products = [make_product(name.title(), content=(_PHOTOS / f"{name}.jpg").read_bytes()) for name in _NAMES]
    bare = Product.objects.create(title="Without a photo", sku="BARE", price=1)
    return [*products, bare]


def _select_all(merchant: _Merchant) -> None:
    merchant.open("/admin/shop/product/")
    merchant.wait("#action-toggle").click()
    merchant.find("select[name=action]").send_keys("Enhance")
    merchant.click("button[name=index]")
    merchant.wait("#imagery-start")


def _is_shown(browser: Any, selector: str) -> Callable[[], bool]:  # noqa: F811
    script = "const one = document.querySelector(arguments[0]); return one.complete && one.naturalWidth > 0"
    return lambda: bool(browser.execute_script(script, selector))


def test_the_chosen_look_is_tried_on_the_first_product_and_three_go_first(
    browser: Any,  # noqa: F811
    live_server: Any,
    model_file: Path,
    stock: list[Product],
    person: Callable[..., Any],
) -> None:
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    _select_all(merchant)
    _until(_is_shown(browser, ".start-strip img"))
    merchant.click("input[value=marble]")
    merchant.wait("#imagery-options[data-look=marble]")
    _until(lambda: "preset=marble" in str(merchant.find("#start-tried").get_attribute("src")))
    _until(_is_shown(browser, "#start-tried"))
    merchant.picture("20-start-marble")
    assert merchant.find("#start-try-note").text == ""
    merchant.click("#fine-tune summary")
    merchant.find("#id_option-ratio_0").send_keys("Portrait 4:5")
    _until(lambda: "ratio=4%3A5" in str(merchant.find("#start-tried").get_attribute("src")))
    _until(lambda: merchant.find("button[name=try]").is_enabled())
    merchant.picture("21-start-fine-tune")
    merchant.click("button[name=try]")
    assert merchant.wait(".imagery-note a").text == "Go on with the other 2"
    first = Enhancement.objects.get()
    assert (first.items.count(), first.options["ratio"]) == (3, "4:5")
    merchant.picture("22-tried")
    merchant.click(".imagery-note a")
    merchant.wait("#imagery-start")
    assert merchant.find("button[name=start]").text == "Start 2"
    merchant.click("button[name=start]")
    _until(lambda: Enhancement.objects.count() == 2)
    rest = Enhancement.objects.exclude(pk=first.pk).get()
    assert (rest.items.count(), rest.options["ratio"], rest.preset) == (2, "4:5", first.preset)
    assert [entry for entry in browser.get_log("browser") if "favicon" not in str(entry)] == []


def test_one_product_is_enhanced_from_its_own_page_and_put_back_there(
    browser: Any,  # noqa: F811
    live_server: Any,
    worker: None,  # noqa: F811
    model_file: Path,
    stock: list[Product],
    person: Callable[..., Any],
) -> None:
    product = stock[0]
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    own_page = f"/admin/shop/product/{product.pk}/change/"
    merchant.open(own_page)
    _until(_is_shown(browser, ".product-pictures img"))
    browser.execute_script("document.querySelector('.product-panel').scrollIntoView()")
    merchant.picture("30-product")
    merchant.click(".product-panel .pi-button--main")
    merchant.wait("#imagery-start")
    merchant.click("input[value=white]")
    _until(lambda: merchant.find("button[name=start]").is_enabled())
    merchant.click("button[name=start]")
    merchant.wait("#imagery-progress")
    _until(ResultImage.objects.exists)
    merchant.open(own_page)
    browser.execute_script("document.querySelector('.product-panel').scrollIntoView()")
    merchant.picture("31-product-waiting")
    assert "waits for a review" in merchant.find(".product-panel").text
    review.approve(ResultImage.objects.get(), actor=None, publish=True)
    _until(ImageVersion.objects.exists)
    merchant.open("/")
    _until(_is_shown(browser, "img[data-enhanced]"))
    merchant.picture("32-storefront")
    merchant.open(f"/products/{product.pk}/")
    merchant.picture("33-shop-product")
    merchant.open(own_page)
    merchant.click(".product-panel a[href$='/pictures/']")
    merchant.wait("button[name=put_back]")
    _until(_is_shown(browser, ".product-pair img"))
    merchant.picture("34-history")
    merchant.click("button[name=put_back]")
    merchant.wait(".messagelist .success")
    merchant.picture("35-put-back")
    product.refresh_from_db()
    assert not product.enhanced_photo
