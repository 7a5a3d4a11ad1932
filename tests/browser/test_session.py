"""A session that expires in between: nothing is lost, a sentence says so, and the login leads back to the place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session

from example_project.shop.models import Product
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, ProviderCredential, ResultImage
from tests.browser.hands import Mouse
from tests.test_browser import _until, browser  # noqa: F401  fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def merchant(browser: Any, live_server: Any, settings: Any) -> Mouse:  # noqa: F811
    """A person who has logged in by the form."""
    settings.DEBUG = True  # the example project serves media itself only so
    get_user_model().objects.create_superuser("merchant", password="secret")
    person = Mouse(browser, live_server.url)
    person.open("/admin/")
    person.log_in_by_form()
    person.wait("#user-tools")
    return person


def test_the_start_page_comes_back_with_what_was_chosen(merchant: Mouse, make_product: Callable[..., Product]) -> None:
    product = make_product()
    merchant.open("/admin/shop/product/")
    merchant.press(f'input[name=_selected_action][value="{product.pk}"]')
    merchant.choose("select[name=action]", "Enhance")
    merchant.press("button[name=index]")
    merchant.press("input[value=larger]")
    merchant.press("#imagery-options[data-look=larger] summary")
    merchant.choose("#id_option-factor", "4")
    _until(lambda: merchant.find("button[name=start]").is_enabled())
    Session.objects.all().delete()
    merchant.press("button[name=start]")
    assert "You were logged out, so nothing was changed." in merchant.wait(".messagelist").text
    assert not Enhancement.objects.exists()
    merchant.log_in_by_form()
    merchant.wait("#imagery-options[data-look=larger]")
    merchant.press("button[name=start]")
    merchant.wait("#imagery-progress")
    assert Enhancement.objects.get().options["factor"] == "4"


def test_figures_that_change_after_the_session_lead_to_the_login_and_back(
    merchant: Mouse, make_product: Callable[..., Product]
) -> None:
    product = make_product()
    merchant.open(f"/admin/shop/product/{product.pk}/change/")
    merchant.press(".product-links .pi-button--main")
    merchant.wait("#imagery-options")
    Session.objects.all().delete()
    merchant.press("input[value=larger]")
    _until(lambda: merchant.find("#imagery-logged-out").is_displayed())
    merchant.press("#imagery-logged-out a")
    merchant.log_in_by_form()
    merchant.wait("#imagery-options[data-look=larger]")
    assert merchant.find("button[name=start]").is_enabled()


def test_a_preview_after_the_session_leads_to_the_login(merchant: Mouse, model_file: Path, make_product: Any) -> None:
    make_product()
    merchant.open("/admin/product_imagery/preset/add/?work=local:upscale")
    _until(lambda: merchant.find(".preset-preview img").is_displayed())
    Session.objects.all().delete()
    merchant.choose("#id_option-factor", "4")
    _until(lambda: merchant.find("#imagery-logged-out").is_displayed())


def test_the_run_page_goes_on_after_the_login(merchant: Mouse, make_product: Any, enlarge: Any) -> None:
    run = f"/admin/product_imagery/enhancement/{enlarge(make_product()).pk}/change/?state=open"
    merchant.open(run)
    merchant.wait(".run-tile--queued")
    Session.objects.all().delete()
    _until(lambda: merchant.find("#imagery-logged-out").is_displayed())
    run_slice(until_idle=True)
    merchant.press("#imagery-logged-out a")
    merchant.log_in_by_form()
    merchant.wait('#imagery-progress[data-active="0"]')
    assert merchant.browser.current_url.endswith(run)


def test_an_awaited_test_picture_is_seen_after_the_login(merchant: Mouse, model_file: Path) -> None:
    credential = ProviderCredential.objects.create(provider="local", label="This machine")
    page = f"/admin/product_imagery/providercredential/{credential.pk}/change/"
    merchant.open(page)
    merchant.press("#test-picture button")
    merchant.wait("#test-picture[hx-get]")
    Session.objects.all().delete()
    _until(lambda: merchant.find("#imagery-logged-out").is_displayed())
    assert merchant.find("#test-picture figure img").is_displayed()
    run_slice(until_idle=True)
    merchant.press("#imagery-logged-out a")
    merchant.log_in_by_form()
    merchant.wait("#test-picture figure:nth-of-type(2) img")
    assert merchant.browser.current_url.endswith(page)


@pytest.mark.parametrize("in_large", [False, True])
def test_a_decision_is_made_after_the_login(merchant: Mouse, make_product: Any, enlarge: Any, in_large: bool) -> None:
    enhancement = enlarge(*[make_product(sku=f"n{number}") for number in range(3)])
    run_slice(until_idle=True)
    first, second, _third = ResultImage.objects.order_by("pk")
    focus = f"?focus={first.pk}" if in_large else ""
    merchant.open(f"/admin/product_imagery/enhancement/{enhancement.pk}/review/{focus}")
    if not in_large:
        merchant.press(f"#tick-{second.item_id}")
    Session.objects.all().delete()
    merchant.press("button[name=approve_and_publish]:not([value=ticked])")
    _until(lambda: "Not saved: you are logged out." in merchant.find("#review-toast").text)
    assert not ResultImage.objects.exclude(review="pending").exists()
    merchant.press("#review-toast a")
    merchant.log_in_by_form()
    merchant.wait("#review-stage h2" if in_large else f"#tick-{second.item_id}:checked")
    merchant.press("button[name=approve_and_publish]:not([value=ticked])")
    _until(lambda: ResultImage.objects.filter(review="approved").count() == 1)
