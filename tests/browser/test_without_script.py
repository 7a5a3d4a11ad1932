"""What happens after the start, without JavaScript: every path ends with the same forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile

from example_project.shop.models import Product
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import ImageVersion, ResultImage
from product_imagery.testing.pictures import draw_product, encoded
from tests.browser.hands import WithoutScript
from tests.test_browser import browser  # noqa: F401  fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def merchant(browser: Any, live_server: Any, person: Any, settings: Any) -> WithoutScript:  # noqa: F811
    """A person who may do everything."""
    settings.DEBUG = True  # the example project serves media itself only so
    hands = WithoutScript(browser, live_server.url)
    hands.log_in(person("*"))
    return hands


def test_a_run_is_cancelled_and_taken_up_again(
    merchant: WithoutScript, make_product: Callable[..., Product], enlarge: Any
) -> None:
    enhancement = enlarge(make_product(), make_product(content=b"no picture"))
    merchant.open(f"/admin/product_imagery/enhancement/{enhancement.pk}/change/")
    merchant.press("#run-cancel")
    assert "2 pictures were cancelled" in merchant.wait(".messagelist .success").text
    merchant.press("#run-retry")
    merchant.wait(".run-tile--queued")
    run_slice(until_idle=True)
    merchant.wait(".run-tile--failed")  # the page loads itself again
    merchant.wait(".run-tile--review")
    merchant.press("#run-problems button[name=retry_reason]")
    assert "1 picture is tried again" in merchant.wait(".messagelist .success").text
    merchant.press("#run-filters a[href*=review]")
    assert len(merchant.browser.find_elements("css selector", ".run-tile")) == 1


def test_a_refused_publication_is_decided_and_taken_back(
    merchant: WithoutScript, make_product: Callable[..., Product], enlarge: Any
) -> None:
    product = make_product()
    enhancement = enlarge(product)
    run_slice(until_idle=True)
    merchant.open(f"/admin/product_imagery/enhancement/{enhancement.pk}/review/")
    result = ResultImage.objects.get()
    merchant.press(f"#item-{result.item_id} button[name=approve]")
    merchant.wait(".review-undo")
    merchant.open(f"/admin/product_imagery/enhancement/{enhancement.pk}/review/?show=approved")
    merchant.press(f"#item-{result.item_id} button[name=publish]")
    merchant.wait(".messagelist .success")
    product.enhanced_photo.save("by-hand.jpg", ContentFile(encoded(draw_product())))
    run_slice(until_idle=True)
    merchant.open("/admin/product_imagery/preset/")
    merchant.press(".imagery-banner a[href$='show=refused']")
    merchant.press(f"#item-{result.item_id} button[name=publish]")
    merchant.wait(".messagelist .success")
    run_slice(until_idle=True)
    assert ImageVersion.objects.get().before_name == product.enhanced_photo.name
    merchant.open(f"/admin/product_imagery/enhancement/{enhancement.pk}/review/?show=published")
    merchant.press(f"#item-{result.item_id} button[name=restore]")
    merchant.wait(".messagelist .success")
    assert Product.objects.get().enhanced_photo.name == product.enhanced_photo.name
