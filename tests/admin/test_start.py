"""The start page: what is started is what the form says and what the person has seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.models import Enhancement, Preset, ProviderCredential, Selection
from tests.admin.pages import press_start, read

Make = Callable[..., Product]


@pytest.fixture
def client(person: Callable[..., Client]) -> Client:
    return person("*")


def _select(client: Client, *products: Product) -> str:
    data = {"action": "enhance_images", "_selected_action": [product.pk for product in products]}
    return str(client.post(reverse("admin:shop_product_changelist"), data).url)


def _page(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_look_whose_options_were_not_shown_is_not_started(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=larger")).values
    response = client.post(address, {**filled, "preset": "cut-out", "start": "1"})
    assert "You chose another look" in _page(response)
    assert not Enhancement.objects.exists()
    shown = read(response).values
    assert (shown["preset"], shown["shown"]) == ("cut-out", "cut-out")
    assert "option-crop" in _page(response)
    client.post(address, {**shown, "start": "1"})
    assert Enhancement.objects.get().preset == Preset.objects.get(name="cut-out")


def test_choosing_another_look_keeps_how_it_is_done(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=larger")).values | {"fresh": "on"}
    shown = read(client.post(address, {**filled, "preset": "cut-out", "preview": "look"})).values
    assert (shown["shown"], shown["fresh"], shown["option-format"]) == ("cut-out", "on", "png")
    assert not Enhancement.objects.exists()


def test_figures_that_no_longer_hold_are_refused_and_shown_again(
    client: Client, make_product: Make, enlarge: Callable[..., Enhancement]
) -> None:
    mine, taken = make_product(), make_product()
    address = _select(client, mine, taken)
    filled = read(client.get(address + "?preset=larger")).values
    enlarge(taken)  # somebody else is faster
    response = client.post(address, {**filled, "start": "1"})
    assert "The figures have changed" in _page(response)
    assert "nothing was spent" in _page(response)
    assert Enhancement.objects.count() == 1
    assert client.post(address, {**read(response).values, "start": "1"}).status_code == 302
    assert Enhancement.objects.first().items.get().object_id == str(mine.pk)  # type: ignore[union-attr]


def test_a_price_that_was_not_shown_is_not_paid(client: Client, make_product: Make) -> None:
    account = ProviderCredential(provider="paqshot", label="Main")
    account.set_secret("pk_live_example_key_0001")
    account.save()
    operation = Preset.objects.get(name="paqshot-white").operation
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=paqshot-white")).values
    ProviderCredential.objects.filter(pk=account.pk).update(own_prices={operation: "7.5"})
    response = client.post(address, {**filled, "start": "1"})
    assert "The figures have changed" in _page(response)
    assert "7.5" in _page(response)
    assert not Enhancement.objects.exists()
    assert press_start(client, address, preset="paqshot-white").status_code == 302
    assert Enhancement.objects.count() == 1


def test_a_form_without_figures_starts_nothing(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=larger")).values
    del filled["figures"]
    assert "The figures have changed" in _page(client.post(address, {**filled, "start": "1"}))
    assert not Enhancement.objects.exists()
    assert Selection.objects.exists()


def test_a_look_that_cannot_be_used_says_so_beside_the_others(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    page = client.post(address, {"preset": "gone", "shown": "gone", "start": "1"})
    assert "There is no preset" in _page(page)
    assert "disabled" in read(page).buttons["start"]
    assert press_start(client, address, preset="larger").status_code == 302


def test_no_figures_are_promised_beside_an_option_that_does_not_fit(client: Client, make_product: Make) -> None:
    address = _select(client, make_product())
    filled = read(client.get(address + "?preset=white")).values | {"option-ratio": "banana"}
    response = client.post(address, {**filled, "preview": "figures"})
    assert "write width:height" in _page(response)
    assert "picture to make" not in _page(response)
    assert "disabled" in read(response).buttons["start"]
