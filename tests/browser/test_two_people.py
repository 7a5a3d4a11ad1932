"""Two people at once: the second one reads who did what, and sees the state as it is now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from example_project.shop.models import Product
from product_imagery.flows.enhancements.specs import spec_of_preset
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.results import publish, review
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, ImageVersion, ResultImage
from product_imagery.products import description_of
from tests.browser.hands import Mouse
from tests.test_browser import browser  # noqa: F401  fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def anna(db: None) -> Any:
    """Somebody who is faster."""
    return get_user_model().objects.create_superuser("anna", password="x")


@pytest.fixture
def merchant(browser: Any, live_server: Any, person: Any, settings: Any) -> Mouse:  # noqa: F811
    """The other person, who looks at a page in the meantime."""
    settings.DEBUG = True  # the example project serves media itself only so
    hands = Mouse(browser, live_server.url)
    hands.log_in(person("*"))
    return hands


@pytest.fixture
def made(make_product: Callable[..., Product], enlarge: Any) -> Enhancement:
    """Two finished pictures."""
    enhancement: Enhancement = enlarge(make_product(), make_product())
    run_slice(until_idle=True)
    return enhancement


def _review(enhancement: Enhancement, query: str = "") -> str:
    return f"/admin/product_imagery/enhancement/{enhancement.pk}/review/{query}"


@pytest.mark.parametrize("in_large", [False, True])
def test_both_decide_on_the_same_picture(merchant: Mouse, anna: Any, made: Enhancement, in_large: bool) -> None:
    result = ResultImage.objects.order_by("pk")[0]
    merchant.open(_review(made, f"?focus={result.pk}" if in_large else ""))
    review.reject(result, actor=anna, reason="The cap is cut off.")
    place = "#review-stage" if in_large else f"#item-{result.item_id}"
    merchant.press(f"{place} button[name=approve]")
    merchant.wait(f"{place} .review-decided--rejected")
    assert "The cap is cut off." in merchant.find(f"{place} .review-decided--rejected").text
    assert "anna has rejected this picture already" in merchant.find("#review-toast").text
    result.refresh_from_db()
    assert result.review == "rejected"


def test_one_takes_back_what_the_other_takes_back_too(merchant: Mouse, anna: Any, made: Enhancement) -> None:
    result = ResultImage.objects.order_by("pk")[0]
    review.approve(result, actor=anna, publish=True)
    run_slice(until_idle=True)
    merchant.open(_review(made, "?show=published"))
    merchant.wait(f"#item-{result.item_id} button[name=restore]")
    publish.restore(ImageVersion.objects.get(), actor=anna)
    merchant.press(f"#item-{result.item_id} button[name=restore]")
    merchant.wait(f"#item-{result.item_id} button[name=publish]")
    assert "anna has put the earlier picture back already" in merchant.find("#review-toast").text


def test_one_takes_back_what_the_other_wants_to_publish(merchant: Mouse, anna: Any, made: Enhancement) -> None:
    result = ResultImage.objects.order_by("pk")[0]
    review.approve(result, actor=None)
    merchant.open(_review(made, "?show=approved"))
    merchant.wait(f"#item-{result.item_id} button[name=publish]")
    review.return_to_review(result)
    merchant.press(f"#item-{result.item_id} button[name=publish]")
    merchant.wait(f"#item-{result.item_id} button[name=approve]")
    assert "This one waits for a review." in merchant.find("#review-toast").text


def test_both_start_the_same_products(merchant: Mouse, anna: Any, make_product: Callable[..., Product]) -> None:
    products = [make_product(), make_product()]
    merchant.open("/admin/shop/product/")
    merchant.press("#action-toggle")
    merchant.choose("select[name=action]", "Enhance")
    merchant.press("button[name=index]")
    merchant.press("input[value=larger]")
    merchant.wait("#imagery-options[data-look=larger]")
    enhance({description_of(Product): [products[0].pk]}, spec_of_preset("larger"), channel="admin", actor=anna)
    merchant.press("button[name=start]")
    assert "The figures have changed" in merchant.wait("#imagery-figures [role=alert]").text
    figures = merchant.find("#imagery-figures").text
    assert "1 picture is being made already" in figures
    assert "anna" in figures
    merchant.press("button[name=start]")
    merchant.wait("#imagery-progress")
    assert [one.items.count() for one in Enhancement.objects.order_by("pk")] == [1, 1]
