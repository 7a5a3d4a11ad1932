"""The test picture of a credential: nothing is spent before its button is pressed, then it is made and shown."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from product_imagery.models import CreditEntry, Enhancement, Preset, ProviderCredential, ResultImage
from tests.admin.pages import read
from tests.fakes.hosted import Account, Fakes, hurry
from tests.fakes.server import KEYS, STAND_INS

pytestmark = pytest.mark.django_db

Person = Callable[..., Client]
_STEPS = ("view_providercredential", "start_enhancement")


def _page(credential: ProviderCredential, page: str = "change") -> str:
    return reverse(f"admin:product_imagery_providercredential_{page}", args=[credential.pk])


def _make(client: Client, credential: ProviderCredential, **changes: str) -> str:
    """Press the button on the page of the credential; return the page that is shown then."""
    filled = read(client.get(_page(credential))).values
    sent = {"most": filled.get("most", "")} | changes
    shown: str = client.post(_page(credential, "sample"), sent, follow=True).content.decode()
    return shown


@pytest.mark.parametrize("provider", sorted(KEYS))
def test_one_picture_is_made_and_shown(provider: str, account: Account, fakes: Fakes, person: Person) -> None:
    credential = account(provider)
    if provider == "pergai":
        _look_at_pergai()
    client = person(*_STEPS, "view_enhancement", "view_creditentry")
    page = client.get(_page(credential)).content.decode()
    assert "Make a test picture for" in page
    assert not Enhancement.objects.exists()
    shown = _make(client, credential)
    assert "The test picture is being made." in shown
    assert "Make a test picture for" not in shown
    hurry()
    result = ResultImage.objects.get()
    assert fakes.charged(provider) == 1
    paid = sum(entry.amount for entry in CreditEntry.objects.all())
    shown = client.get(_page(credential)).content.decode()
    assert result.thumbnail.url in shown
    assert f"It cost {paid.normalize():f} {credential.declared.currency}." in shown
    assert "Make a test picture for" in shown
    run = reverse("admin:product_imagery_enhancement_change", args=[result.enhancement_id])
    assert f'href="{run}"' in shown


def _look_at_pergai() -> None:
    stand_in = STAND_INS["pergai"]
    look = {"operation": stand_in.operation, "options": dict(stand_in.options)}
    Preset.objects.create(name="ours", label="Ours", provider="pergai", **look)


def test_a_provider_that_needs_options_takes_them_from_a_look(account: Account, person: Person) -> None:
    credential, client = account("pergai"), person(*_STEPS)
    assert "add a look for it, then come back" in client.get(_page(credential)).content.decode()
    _look_at_pergai()
    assert "Make a test picture for" in client.get(_page(credential)).content.decode()


def test_it_is_free_on_this_machine(model_file: Any, person: Person, work: Any) -> None:
    credential = ProviderCredential.objects.create(provider="local", label="This machine")
    client = person(*_STEPS)
    assert "Make a test picture, free" in client.get(_page(credential)).content.decode()
    _make(client, credential)
    work()
    assert ResultImage.objects.get().thumbnail.url in client.get(_page(credential)).content.decode()


def test_the_part_that_the_page_asks_for_ends_the_questions(account: Account, person: Person) -> None:
    credential = account("paqshot")
    client = person(*_STEPS)
    assert "hx-trigger" in _make(client, credential)
    assert "hx-trigger" in client.get(_page(credential, "sample")).content.decode()
    hurry()
    part = client.get(_page(credential, "sample")).content.decode()
    assert "hx-trigger" not in part
    assert ResultImage.objects.get().thumbnail.url in part
    assert "<html" not in part


def test_two_presses_make_one(account: Account, person: Person) -> None:
    credential = account("productai")
    client = person(*_STEPS)
    price = read(client.get(_page(credential))).values["most"]
    assert "is being made" in _make(client, credential)
    assert "being made already" in _make(client, credential, most=price)
    assert Enhancement.objects.count() == 1
    hurry()
    _make(client, credential)
    hurry()
    assert ResultImage.objects.count() == 2  # a later press makes another one


@pytest.mark.parametrize(("most", "sentence"), [("1", "more than its budget of 1"), ("", "look at the price again")])
def test_nothing_dearer_than_what_was_seen_is_started(
    most: str, sentence: str, account: Account, person: Person
) -> None:
    credential = account("productai", own_prices={"upscale": "2", "nanobanana": "2"})
    assert sentence in _make(person(*_STEPS), credential, most=most)
    assert not Enhancement.objects.exists()


def test_it_counts_towards_the_budget(account: Account, person: Person) -> None:
    credential = account("productai", budget_day=Decimal(1))
    assert "budget" in _make(person(*_STEPS), credential)
    assert not Enhancement.objects.exists()


def test_an_account_that_sends_nothing_offers_none(account: Account, person: Person) -> None:
    paused, switched_off = account("paqshot"), account("pergai", is_active=False)
    paused.pause("The key was refused.", stops_reads=True)
    client = person(*_STEPS)
    for credential, sentence in ((paused, "The key was refused."), (switched_off, "is switched off")):
        page = client.get(_page(credential)).content.decode()
        assert sentence in page
        assert "Make a test picture" not in page
        _make(client, credential, most="100")
    assert not Enhancement.objects.exists()


def test_a_failure_gives_its_reason(account: Account, fakes: Fakes, person: Person) -> None:
    credential = account("aigenstudio")
    client = person(*_STEPS)
    fakes.fail("aigenstudio.create", "status", status=400)
    _make(client, credential)
    hurry()
    item = Enhancement.objects.get().items.get()
    page = client.get(_page(credential)).content.decode()
    assert item.error_message
    assert item.error_message in page
    assert "Make a test picture for" in page


def test_it_needs_the_permission_to_start(account: Account, person: Person) -> None:
    credential = account("paqshot")
    client = person("view_providercredential")
    page = client.get(_page(credential)).content.decode()
    assert "To make a test picture: You lack the permission" in page
    assert client.post(_page(credential, "sample"), {"most": "9"}).status_code == 403
    assert person("start_enhancement").get(_page(credential, "sample")).status_code == 404
    assert not Enhancement.objects.exists()


def test_a_new_account_leads_to_its_test_picture(account: Account, person: Person) -> None:
    made = account("aigenstudio")
    key, address = made.secret().reveal(), made.base_url
    made.delete()
    client, page = person("*"), reverse("admin:product_imagery_providercredential_add") + "?provider=aigenstudio"
    filled = read(client.get(page)).values
    assert "Make a test picture" not in client.get(page).content.decode()
    sent = {**filled, "label": "Main", "key": key, "base_url": address, "_save": "Save"}
    shown = client.post(page, sent, follow=True).content.decode()
    assert "accepts the key" in shown
    assert "Make a test picture for 5 credits" in shown
    assert not Enhancement.objects.exists()
