"""A lost call in a real browser: a person tells by the pictures which one is theirs, with and without JavaScript."""

from __future__ import annotations

from typing import Any

import pytest

from product_imagery.models import ProviderJob
from product_imagery.states import JobState
from tests.browser.hands import Keyboard, Mouse, WithoutScript
from tests.browser.test_start import _is_shown
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes
from tests.test_browser import _until, browser  # noqa: F401  fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.mark.parametrize("way", [Keyboard, WithoutScript])
def test_a_candidate_is_chosen_by_its_picture(
    way: type[Mouse],
    browser: Any,  # noqa: F811
    live_server: Any,
    account: Account,
    order: Order,
    fakes: Fakes,
    person: Any,
    settings: Any,
) -> None:
    settings.DEBUG = True  # the example project serves media itself only so
    credential = account("paqshot")
    enhancement = order(credential, 2)
    fakes.fail("paqshot.create", "lose", times=2)
    hurry()
    mine = ProviderJob.objects.filter(state=JobState.STALLED).order_by("pk")[0]
    assert len(mine.candidates) == 2
    merchant = way(browser, live_server.url)
    merchant.log_in(person("*"))
    merchant.open(f"/admin/product_imagery/enhancement/{enhancement.pk}/change/")
    browser.execute_script("document.querySelector('.run-candidates').scrollIntoView()")
    _until(_is_shown(browser, ".run-candidate--there img"))
    _until(_is_shown(browser, ".run-candidate:not(.run-candidate--there) img"))
    merchant.picture("37-run-candidates")
    merchant.press(f"button[name=candidate][value={mine.candidates[0].remote_id}]")
    merchant.wait(".messagelist .success")
    mine.refresh_from_db()
    assert mine.state == JobState.RUNNING
    assert len(browser.find_elements("css selector", "button[name=candidate]")) == 1  # of the other call
    hurry()
    merchant.wait(".run-tile--review img")
