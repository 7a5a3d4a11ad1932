"""The form of a credential: fields that its provider declares are saved, recorded and protected like its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from product_imagery.models import (
    ProviderCredential,
)
from tests.admin.pages import read
from tests.fakes.hosted import Account
from tests.fakes.server import KEYS

pytestmark = pytest.mark.django_db

Person = Callable[..., Client]
_ADD = "admin:product_imagery_providercredential_add"


@pytest.fixture
def paqshot() -> ProviderCredential:
    credential = ProviderCredential(provider="paqshot", label="Main")
    credential.set_secret("pk_live_example_key_0001")
    credential.set_secret("whsec_stored", "webhook_secret")
    credential.save()
    return credential


def _page(name: str, credential: ProviderCredential) -> str:
    return reverse(f"admin:product_imagery_providercredential_{name}", args=[credential.pk])


def _headings(response: Any) -> list[str]:
    return re.findall(r'class="fieldset-heading">(.+?)<', response.content.decode())


def test_the_provider_of_a_new_credential_is_chosen_first(person: Person) -> None:
    client = person("*")
    page = client.get(reverse(_ADD)).content.decode()
    assert 'href="?provider=paqshot"' in page
    assert 'name="key"' not in page
    assert "from 1" in page
    form = client.get(reverse(_ADD) + "?provider=paqshot")
    assert _headings(form) == ["Secrets", "Budgets and limits", "Seldom needed", "Paqshot", "Own limits and prices"]
    fields = read(form).values
    assert {"paqshot-webhook_secret", "paqshot-signature", "key"} <= fields.keys()
    assert fields["provider"] == "paqshot"
    assert not [name for name in fields if name.startswith("pergai")]
    assert "It begins with pk_" in form.content.decode()
    assert person("view_providercredential").get(reverse(_ADD)).status_code == 403


def test_a_new_credential_is_checked_after_it_was_saved(account: Any, person: Person) -> None:
    made = account("aigenstudio")
    key, address = made.secret().reveal(), made.base_url
    made.delete()
    client = person("*")
    page = reverse(_ADD) + "?provider=aigenstudio"
    filled = read(client.get(page)).values
    assert filled["check_now"] == "on"
    data = {**filled, "label": "Main", "key": key, "base_url": address}
    shown = client.post(page, data, follow=True).content.decode()
    assert "accepts the key" in shown
    credential = ProviderCredential.objects.get()
    change = _page("change", credential)
    filled = read(client.get(change)).values
    assert "check_now" not in filled  # not asked again for each change
    shown = client.post(change, {**filled, "budget_day": "5"}, follow=True).content.decode()
    assert "accepts the key" not in shown


def test_a_stored_credential_has_the_fields_of_its_provider_only(paqshot: ProviderCredential, person: Person) -> None:
    page = person("*").get(_page("change", paqshot))
    ours = ["Secrets", "Budgets and limits", "Seldom needed", "State"]
    assert _headings(page) == [*ours, "Paqshot", "Own limits and prices"]
    fields = read(page).values
    assert fields["paqshot-webhook_secret"] == ""
    assert not [name for name in fields if name.startswith("pergai")]


def test_fields_of_another_provider_than_the_chosen_one_are_ignored(person: Person) -> None:
    client = person("*")
    entered = {"provider": "productai", "label": "Main", "key": "another", "paqshot-webhook_secret": "whsec_1"}
    filled = read(client.get(reverse(_ADD) + "?provider=productai")).values
    filled.pop("check_now")
    client.post(reverse(_ADD), {**filled, **entered})
    credential = ProviderCredential.objects.get()
    assert list(credential.sealed) == ["key"]
    assert credential.readings == {}


def test_a_changed_field_of_the_provider_is_named_in_the_history(paqshot: ProviderCredential, person: Person) -> None:
    client = person("*")
    fields = read(client.get(_page("change", paqshot))).values
    client.post(_page("change", paqshot), {**fields, "paqshot-webhook_secret": "whsec_new", "label": "Other"})
    paqshot.refresh_from_db()
    assert paqshot.secret("webhook_secret").reveal() == "whsec_new"
    history = client.get(_page("history", paqshot)).content.decode()
    assert "Changed Name. Changed Webhook secret." in history
    assert "whsec_new" not in history


def test_a_wrong_value_of_a_field_of_the_provider_saves_nothing(paqshot: ProviderCredential, person: Person) -> None:
    client = person("*")
    fields = read(client.get(_page("change", paqshot))).values
    page = client.post(_page("change", paqshot), {**fields, "label": "Other", "paqshot-signature": "rot13"})
    shown = page.content.decode()
    assert 'class="errornote"' in shown
    assert "rot13 is not one of the available choices" in shown
    paqshot.refresh_from_db()
    assert (paqshot.label, paqshot.readings) == ("Main", {})


def test_fields_of_the_provider_are_shown_to_those_who_may_save_them(
    paqshot: ProviderCredential, person: Person
) -> None:
    page = person("view_providercredential").get(_page("change", paqshot))
    assert page.status_code == 200
    assert not [name for name in read(page).values if name.startswith("paqshot")]


class TestOwnLimitsAndPrices:
    """Limits and prices that the shop has agreed upon are entered beside the documented ones."""

    def test_they_replace_those_of_the_provider(self, paqshot: ProviderCredential, person: Person) -> None:
        client, page = person("*"), _page("change", paqshot)
        shown = client.get(page)
        assert "Documented: at most 60 calls in 1 minute." in shown.content.decode()
        assert "Documented: 1 generations a picture." in shown.content.decode()
        filled = read(shown).values
        assert (filled["own-limit-requests_most"], filled["own-limit-requests_seconds"]) == ("", "60")
        entered = {"own-limit-requests_most": "30", "own-limit-images_most": "500", "own-price-scene": "0.80"}
        entered["own-limit-images_seconds"] = "86400"
        client.post(page, {**filled, **entered})
        paqshot.refresh_from_db()
        assert paqshot.own_limits == {"requests": [30, 60], "images": [500, 86_400]}
        assert paqshot.own_prices == {"scene": "0.80"}
        history = client.get(_page("history", paqshot)).content.decode()
        assert "Changed Calls, Pictures and Price: Scene." in history
        client.post(page, {**read(client.get(page)).values, "own-limit-requests_most": "", "own-price-scene": ""})
        paqshot.refresh_from_db()
        assert (paqshot.own_limits, paqshot.own_prices) == ({"images": [500, 86_400]}, {})

    def test_what_has_no_field_stays(self, account: Account, person: Person) -> None:
        stored: dict[str, Any] = {"own_limits": {"requests": [7, 90]}}
        stored["own_prices"] = {"nanobanana": 4, "upscale": "25.50", "a-model-of-tomorrow": "9"}
        credential = account("productai", **stored)
        client, page = person("*"), _page("change", credential)
        filled = read(client.get(page)).values
        assert (filled["own-limit-requests_most"], filled["own-limit-requests_seconds"]) == ("7", "90")
        assert (filled["own-price-nanobanana"], filled["own-price-upscale"]) == ("4", "25.50")
        client.post(page, {**filled, "own-price-upscale": "20"})
        credential.refresh_from_db()
        assert credential.own_limits == stored["own_limits"]
        assert credential.own_prices == {**stored["own_prices"], "upscale": "20"}

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("own-limit-requests_most", "0", "Write a whole number above 0."),
            ("own-limit-requests_most", "many", "Write a whole number above 0."),
            ("own-limit-requests_seconds", "", "Choose the time in which so many are allowed."),
            ("own-price-upscale", "-1", "Write a price from 0."),
            ("own-price-upscale", "dear", "Write a price from 0."),
            ("own-price-upscale", "NaN", "Write a price from 0."),
        ],
    )
    def test_what_is_no_limit_or_price_is_refused(
        self, field: str, value: str, sentence: str, account: Account, person: Person
    ) -> None:
        credential = account("productai")
        client, page = person("*"), _page("change", credential)
        filled = {**read(client.get(page)).values, "own-limit-requests_most": "5", "budget_day": "3"}
        shown = client.post(page, {**filled, field: value}).content.decode()
        assert sentence in shown
        assert 'class="errornote"' in shown
        credential.refresh_from_db()
        assert (credential.own_limits, credential.own_prices, credential.budget_day) == ({}, {}, None)

    def test_a_row_that_was_stored_wrongly_is_repaired_here(self, paqshot: ProviderCredential, person: Person) -> None:
        ProviderCredential.objects.update(own_limits={"requests": "60/60"}, own_prices=[3])
        client, page = person("*"), _page("change", paqshot)
        filled = read(client.get(page)).values
        without = {name: value for name, value in filled.items() if not name.startswith("own-")}
        assert "with whole numbers above 0" in client.post(page, without).content.decode()
        assert client.post(page, filled).status_code == 302
        paqshot.refresh_from_db()
        assert (paqshot.own_limits, paqshot.own_prices) == ({}, {})


class TestForms:
    """J4: two people edit one account."""

    def test_the_second_one_is_told(self, account: Account, person: Person) -> None:
        credential = account("aigenstudio")
        page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
        client = person("*")
        first = _sent_by(client.get(page))
        assert client.post(page, first | {"budget_day": "5"}).status_code == 302
        late = client.post(page, first | {"key": "aigen_test_another_key_2", "budget_day": ""})
        assert "Somebody changed this account" in late.content.decode()
        credential.refresh_from_db()
        assert (credential.budget_day, credential.secret().reveal()) == (5, KEYS["aigenstudio"])

    def test_what_workers_wrote_meanwhile_stays(self, account: Account, person: Person) -> None:
        credential = account("aigenstudio")
        page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
        client = person("*")
        form = _sent_by(client.get(page))
        credential.pause("the key is refused", stops_reads=True)
        assert client.post(page, form | {"budget_day": "5"}).status_code == 302
        credential.refresh_from_db()
        assert credential.paused_reason == "the key is refused"


def _sent_by(page: Any) -> dict[str, str]:
    """What a browser would send of a form that nobody has touched."""
    form = page.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {
        name: json.dumps(value) if isinstance(value, dict) else str(value)
        for name, value in values.items()
        if value not in (None, False, "")
    }
