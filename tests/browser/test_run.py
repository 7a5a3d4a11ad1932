"""The run page in a real browser: it fills in by itself, and says so when the person is logged out in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session

from example_project.shop.models import Product
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
    WorkerLease,
    transitions,
)
from product_imagery.models.db_time import from_now
from tests.test_browser import _Merchant, _until, browser, worker  # noqa: F401  fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
_PHOTOS = Path(__file__).parents[2] / "example_project/catalogue/photos"
_NAMES = ("mug-striped", "teapot-clay", "vase-red", "lamp-brass", "hat-bobble")


@pytest.fixture
def run(make_product: Callable[..., Product], enlarge: Any, settings: Any) -> Enhancement:
    """An enhancement of five products of the catalogue and a broken file."""
    settings.DEBUG = True  # the example project serves media itself only so
    products = [make_product(name.title(), content=(_PHOTOS / f"{name}.jpg").read_bytes()) for name in _NAMES]
    enhancement: Enhancement = enlarge(*products, make_product("Broken upload", content=b"x"))
    return enhancement


def _open(browser: Any, live_server: Any, person: Any, enhancement: Enhancement) -> _Merchant:  # noqa: F811
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    merchant.open(f"/admin/product_imagery/enhancement/{enhancement.pk}/change/")
    return merchant


def test_the_page_fills_in_while_a_worker_works(
    browser: Any,  # noqa: F811
    live_server: Any,
    run: Enhancement,
    person: Callable[..., Any],
) -> None:
    merchant = _open(browser, live_server, person, run)
    assert len(browser.find_elements("css selector", ".run-tile--queued")) == 6
    merchant.picture("30-run-queued")
    browser.execute_script("window.kept = true")
    run_slice(until_idle=True)
    merchant.wait(".run-tile--failed")
    _until(lambda: len(browser.find_elements("css selector", ".run-tile--review img")) == 5)
    merchant.wait('#imagery-progress[data-active="0"]')
    assert "6 of 6 done" in merchant.find("#run-status").get_attribute("textContent")
    assert "Try this 1 again" in merchant.find("#run-problems").text
    assert browser.execute_script("return window.kept")
    merchant.picture("31-run-done")
    merchant.click("#run-filters a[href*=failed]")
    assert len(browser.find_elements("css selector", ".run-tile")) == 1


def test_who_is_logged_out_in_between_is_told(
    browser: Any,  # noqa: F811
    live_server: Any,
    run: Enhancement,
    person: Callable[..., Any],
) -> None:
    merchant = _open(browser, live_server, person, run)
    assert not merchant.find("#imagery-logged-out").is_displayed()
    Session.objects.all().delete()
    _until(lambda: merchant.find("#imagery-logged-out").is_displayed())
    assert "logged out" in merchant.find("#imagery-logged-out").text
    assert len(browser.find_elements("css selector", ".run-tile")) == 6
    merchant.picture("32-run-logged-out")


def test_a_pause_and_a_lost_call_are_settled_on_the_page(
    browser: Any,  # noqa: F811
    live_server: Any,
    run: Enhancement,
    person: Callable[..., Any],
) -> None:
    ProviderCredential.objects.get().pause("The balance is used up.", stops_reads=False)
    lost = ProviderJob.objects.filter(pk=ProviderJob.objects.order_by("pk")[0].pk)
    lost.update(remembered={"candidates": "gen_01HZX4\ngen_01HZX9"})
    transitions.mark_sending(lost, 60.0)
    transitions.mark_stalled(lost, "The connection was lost. It may have been accepted.")
    EnhancementItem.objects.filter(job__in=lost).update(status="stalled")
    merchant = _open(browser, live_server, person, run)
    assert "The balance is used up." in merchant.find(".run-reasons").text
    merchant.picture("33-run-paused-and-stalled")
    merchant.click("[name=resume]")
    merchant.wait(".messagelist .success")
    assert ProviderCredential.objects.get().paused_at is None
    merchant.click("#run-decisions [value=give_up]")
    _until(lambda: not browser.find_elements("css selector", ".run-decision"))  # the message before looks the same


def test_the_entry_page_draws_its_charts(
    browser: Any,  # noqa: F811
    live_server: Any,
    run: Enhancement,
    make_product: Callable[..., Product],
    enlarge: Any,
    person: Callable[..., Any],
) -> None:
    run_slice(until_idle=True)
    enlarge(make_product(), make_product())
    ProviderJob.objects.filter(state="queued").update(due_at=from_now(-120))
    WorkerLease.objects.all().delete()
    _spread()
    merchant = _Merchant(browser, live_server.url)
    merchant.log_in(person("*"))
    merchant.open("/admin/product_imagery/enhancement/home/")
    merchant.wait(".home-plot canvas")
    assert len(browser.find_elements("css selector", ".home-plot canvas")) == 3
    assert "No worker is running" in merchant.find(".home-rows").text
    merchant.picture("34-home")
    browser.execute_script("document.querySelector('.home-charts').scrollIntoView()")
    merchant.picture("35-home-charts")
    merchant.open("/admin/product_imagery/enhancement/")
    merchant.picture("36-enhancements-banner")
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [entry for entry in errors if "favicon" not in str(entry)] == []


def _spread() -> None:
    """Date finished pictures back, so that there are lines to draw."""
    for days, item in enumerate(EnhancementItem.objects.exclude(finished_at=None)):
        EnhancementItem.objects.filter(pk=item.pk).update(finished_at=from_now(-86_400.0 * days * 3))
    Enhancement.objects.exclude(finished_at=None).update(created_at=from_now(-86_400.0 * 20))
