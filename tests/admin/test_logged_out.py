"""A form that is sent after the session has expired: nothing is changed, a sentence says so, and the way leads back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from product_imagery.models import Enhancement, ProviderJob, ResultImage
from product_imagery.states import JobState

Person = Callable[..., Client]


def _send(client: Client, address: str, form: dict[str, Any]) -> str:
    """Send a form without a session; return the address to which the login leads."""
    client.logout()
    page = client.post(address, form, follow=True)
    assert "You were logged out, so nothing was changed." in page.content.decode()
    (login, _status) = page.redirect_chain[-1]
    assert urlsplit(login).path == reverse("admin:login")
    client.force_login(get_user_model().objects.get())
    (back,) = parse_qs(urlsplit(login).query)["next"]
    assert client.get(back).status_code == 200
    return back


@pytest.fixture
def merchant(person: Person) -> Client:
    """A person who may do everything."""
    return person("*")


def test_a_run_is_not_cancelled(merchant: Client, make_product: Any, enlarge: Any) -> None:
    address = reverse("admin:product_imagery_enhancement_change", args=[enlarge(make_product()).pk])
    assert _send(merchant, f"{address}?state=open", {"cancel": "1"}) == f"{address}?state=open"
    assert Enhancement.objects.get().cancelled_at is None


def test_ticks_of_the_review_are_kept(merchant: Client, make_product: Any, enlarge: Any, work: Any) -> None:
    enhancement = enlarge(*[make_product(sku=f"n{number}") for number in range(3)])
    work()
    ticked = [str(pk) for pk in ResultImage.objects.values_list("pk", flat=True)[:2]]
    address = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    back = _send(merchant, f"{address}?show=all", {"approve": "ticked", "ticked": ticked})
    page = merchant.get(back).content.decode()
    assert page.count(" checked") == 2
    assert not ResultImage.objects.exclude(review="pending").exists()


def test_choices_of_the_start_page_are_kept(merchant: Client, make_product: Any) -> None:
    chosen = {"action": "enhance_images", "_selected_action": [make_product().pk]}
    address = merchant.post(reverse("admin:shop_product_changelist"), chosen)["Location"]
    form = {"preset": "larger", "shown": "larger", "option-factor": "4", "start": "1", "figures": "x"}
    page = merchant.get(_send(merchant, address, form)).content.decode()
    assert '<input type="radio" name="preset" value="larger" checked>' in page
    assert '<option value="4" selected>' in page
    assert not Enhancement.objects.exists()
    back = _send(merchant, address, {**form, "option-prompt": "x" * 5000})
    assert back == address  # too long for an address


def test_a_lost_call_is_not_decided(merchant: Client, stalled: ProviderJob) -> None:
    decide = reverse("admin:product_imagery_providerjob_decide", args=[stalled.pk])
    run = reverse("admin:product_imagery_enhancement_change", args=[stalled.enhancement_id])
    assert _send(merchant, decide, {"choice": "give_up", "enhancement": stalled.enhancement_id}) == run
    own = reverse("admin:product_imagery_providerjob_change", args=[stalled.pk])
    assert _send(merchant, decide, {"choice": "give_up"}) == own
    assert ProviderJob.objects.get().state == JobState.STALLED
