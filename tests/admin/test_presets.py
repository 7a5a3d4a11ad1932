"""Presets of the shop's own: a kind of work is chosen by its picture, its options are fields, nothing is JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.models import Preset, ProviderCredential
from tests.admin.pages import read

pytestmark = pytest.mark.django_db
Make = Callable[..., Product]
Person = Callable[..., Client]
_ADD = "/admin/product_imagery/preset/add/"


def _text(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def _change(preset: Preset) -> str:
    return reverse("admin:product_imagery_preset_change", args=[preset.pk])


def test_a_kind_of_work_is_chosen_first(person: Person) -> None:
    client = person("*")
    page = _text(client.get(_ADD))
    assert "?work=local%3Ascene" in page
    assert "needs an account" in page
    assert 'name="label"' not in page
    assert 'name="label"' not in _text(client.get(_ADD + "?work=local:edit"))


def test_a_look_of_ones_own_is_made_without_json(person: Person) -> None:
    client = person("*")
    address = _ADD + "?work=local:scene"
    filled = read(client.get(address)).values
    assert "options" not in filled
    data = {**filled, "label": "Slate, airy", "name": "slate", "option-scene": "slate", "option-fill_own": "0.5"}
    assert client.post(address, data).status_code == 302
    preset = Preset.objects.get(name="slate")
    assert (preset.provider, preset.operation, preset.options) == ("local", "scene", {"scene": "slate", "fill": 0.5})
    shown = read(client.get(_change(preset))).values
    assert (shown["option-scene"], shown["option-fill_own"]) == ("slate", "0.5")
    client.post(_change(preset), {**shown, "option-fill": "0.6", "option-fill_own": ""})
    preset.refresh_from_db()
    assert preset.options == {"scene": "slate", "fill": 0.6}


def test_a_wrong_option_is_refused_at_its_field(person: Person) -> None:
    client, preset = person("*"), Preset.objects.get(name="white")
    filled = read(client.get(_change(preset))).values
    page = _text(client.post(_change(preset), {**filled, "option-ratio_own": "wide", "option-background": "red"}))
    assert "write width:height" in page
    assert "#RRGGBB" in page
    preset.refresh_from_db()
    assert preset.options == {}


def test_saving_a_shipped_look_changes_nothing_else(person: Person) -> None:
    account = ProviderCredential(provider="paqshot", label="Main")
    account.set_secret("pk_live_example_key_0001")
    account.save()
    client = person("*")
    for preset in Preset.objects.all():
        filled = read(client.get(_change(preset))).values
        response = client.post(_change(preset), filled)
        assert response.status_code == 302, (preset, response.context["adminform"].form.errors)
        again = Preset.objects.get(pk=preset.pk)
        assert (again.options, again.operation, again.name) == (preset.options, preset.operation, preset.name)


def test_an_account_of_another_provider_is_not_offered(person: Person) -> None:
    for provider in ("paqshot", "productai"):
        account = ProviderCredential(provider=provider, label=provider)
        account.set_secret("pk_live_example_key_0001")
        account.save()
    preset = Preset.objects.get(name="paqshot-white")
    form = person("*").get(_change(preset)).context["adminform"].form
    assert [str(one) for one in form.fields["credential"].queryset] == ["paqshot"]


def test_who_may_only_look_sees_the_options(person: Person) -> None:
    page = _text(person("view_preset").get(_change(Preset.objects.get(name="marble"))))
    assert "Scene: White marble" in page
    assert "option-scene" not in page
    assert person("view_preset").get(_ADD).status_code == 403


def test_a_look_of_a_provider_that_is_gone_can_still_be_switched_off(person: Person) -> None:
    preset = Preset.objects.get(name="marble")
    Preset.objects.filter(pk=preset.pk).update(provider="gone")
    page = _text(person("*").get(_change(preset)))
    assert "scene: marble" in page


def test_the_preview_shows_a_chosen_product(make_product: Make, person: Person) -> None:
    make_product("First"), make_product("Second")
    client = person("*")
    page = client.get(_ADD + "?work=local:upscale")
    chosen = read(page).values["preview-product"]
    assert "Second" in _text(page)
    address = reverse("admin:product_imagery_preset_preview")
    asked = {"work": "local:upscale", "product": chosen, "option-factor": "2", "option-format": "source"}
    asked |= {"option-quality": "90"}
    assert client.get(address, asked)["Content-Type"] == "image/webp"
    for wrong in ({"product": "1:999:"}, {"option-factor": "7"}, {"work": "paqshot:white_background"}, {"work": "x"}):
        assert client.get(address, {**asked, **wrong}).status_code == 204
    assert person("view_product").get(address, asked).status_code == 403
    hidden = person("view_preset")
    assert hidden.get(address, asked).status_code == 204  # may not see the product


def test_a_look_names_the_marketplace_whose_rules_it_keeps(person: Person) -> None:
    client, preset = person("*"), Preset.objects.get(name="white")
    filled = read(client.get(_change(preset))).values
    assert client.post(_change(preset), {**filled, "rules": "ebay"}).status_code == 302
    preset.refresh_from_db()
    assert (preset.rules, preset.options) == ("ebay", {})


@pytest.mark.parametrize("compares", [False, True])
def test_bounds_are_asked_for_only_where_they_have_an_effect(
    compares: bool, person: Callable[..., Client], settings: Any
) -> None:
    settings.PRODUCT_IMAGERY = {"COMPARE_RESULTS": compares}
    white = Preset.objects.get(name="white")
    page = person("*").get(reverse("admin:product_imagery_preset_change", args=[white.pk])).content.decode()
    assert ('name="most_colour"' in page) is compares
