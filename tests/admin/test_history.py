"""The admin's history tells who spent money, and who changed a product or a secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from product_imagery.models import (
    ApiKey,
    Enhancement,
    ImageVersion,
    Preset,
    ProviderCredential,
    ResultImage,
    WebhookEndpoint,
)
from tests.admin.pages import press_start, read
from tests.fakes.shop_side import OtherSide

pytestmark = pytest.mark.django_db

Make = Callable[..., Any]
Person = Callable[..., Client]
Work = Callable[[], Any]


def _history(client: Client, row: Any) -> list[tuple[str, str]]:
    """User and sentence of each row of the history page of a model instance, the oldest first."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_history"
    page = client.get(reverse(name, args=[row.pk])).content.decode()
    table = page.partition('id="change-history"')[2].partition("</table>")[0]
    rows = re.findall(r"<td>\s*(.*?)\s*</td>\s*<td>\s*(.*?)\s*</td>", table, re.DOTALL)
    return [(user, re.sub(r"\s+", " ", sentence)) for user, sentence in rows]


def _act(client: Client, model: type[Any], action: str) -> Any:
    data = {"action": action, "_selected_action": list(model.objects.values_list("pk", flat=True))}
    return client.post(reverse(f"admin:product_imagery_{model._meta.model_name}_changelist"), data, follow=True)


def _page(enhancement: Enhancement, page: str = "change") -> str:
    return reverse(f"admin:product_imagery_enhancement_{page}", args=[enhancement.pk])


def _start(client: Client, *products: Any, **choices: str) -> Enhancement:
    Preset.objects.filter(name="larger").update(position=1)
    data = {"action": "enhance_images", "_selected_action": [product.pk for product in products]}
    address = client.post(reverse("admin:shop_product_changelist"), data)["Location"]
    press_start(client, address, preset="larger", **choices)
    return Enhancement.objects.get()


def test_start_publication_and_restoration_stand_in_the_history(make_product: Make, person: Person, work: Work) -> None:
    product, bystander = make_product("Red bottle"), make_product("Blue bottle", sku="other")
    maker, judge, keeper = (person("*") for _ in range(3))
    enhancement = _start(maker, product)
    work()
    judge.post(_page(enhancement, "review"), {"approve_and_publish": ResultImage.objects.get().pk})
    work()
    _act(keeper, ImageVersion, "restore")
    published, restored = "1 picture approved and being published.", "1 picture was put back."
    of_product = [("staff1", published), ("staff2", restored)]
    assert _history(maker, enhancement) == [("staff0", "Started."), *of_product]
    assert _history(maker, product) == of_product
    assert _history(maker, bystander) == []
    assert _history(maker, ImageVersion.objects.get()) == of_product[1:]
    assert _history(maker, ResultImage.objects.get().item) == of_product[:1]


def test_a_refused_step_leaves_no_entry(make_product: Make, person: Person, enlarge: Make, work: Work) -> None:
    product, client = make_product(), person("*")
    enhancement = enlarge(product)
    work()
    client.post(_page(enhancement, "review"), {"publish": ResultImage.objects.get().pk})
    client.post(_page(enhancement), {"cancel": "1"})
    assert _history(client, enhancement) == _history(client, product) == []


def test_starting_without_review_is_told(make_product: Make, person: Person) -> None:
    client = person("*")
    enhancement = _start(client, make_product(), auto_approve="on")
    assert _history(client, enhancement) == [("staff0", "Started; its pictures are published without review.")]


def test_rejecting_cancelling_and_trying_again_are_told(
    make_product: Make, person: Person, enlarge: Make, work: Work
) -> None:
    client, product = person("*"), make_product()
    enhancement = enlarge(product)
    client.post(_page(enhancement), {"cancel": "1"})
    _act(client, Enhancement, "retry_selected")
    work()
    client.post(_page(enhancement, "review"), {"reject": ResultImage.objects.get().pk})
    sentences = ["1 picture was cancelled.", "1 picture is tried again.", "1 picture rejected."]
    assert _history(client, enhancement) == [("staff0", sentence) for sentence in sentences]
    assert _history(client, product) == []  # nothing of it touched the product


def test_many_ticked_pictures_are_one_query_of_history(
    make_product: Make, person: Person, enlarge: Make, work: Work
) -> None:
    client, products = person("*"), [make_product(sku=f"n{n}") for n in range(3)]
    enhancement = enlarge(*products)
    work()
    ticked = list(ResultImage.objects.values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as queries:
        client.post(_page(enhancement, "review"), {"approve_and_publish": "ticked", "ticked": ticked})
    written = [one for one in queries if one["sql"].startswith("INSERT") and "django_admin_log" in one["sql"]]
    assert len(written) == 1
    assert _history(client, enhancement) == [("staff0", "3 pictures approved and being published.")]
    for product in products:
        assert _history(client, product) == [("staff0", "1 picture approved and being published.")]


def test_pauses_and_new_webhook_addresses_of_credentials_are_told(person: Person) -> None:
    client = person("*")
    credential = ProviderCredential.objects.create(provider="paqshot", label="Main")
    for action in ("pause", "resume", "move_webhook"):
        _act(client, ProviderCredential, action)
    sentences = ["Paused.", "Resumed.", "The address for webhooks was renewed."]
    assert _history(client, credential) == [("staff0", sentence) for sentence in sentences]


def test_a_new_key_of_a_credential_is_told_without_the_key(person: Person) -> None:
    client = person("*")
    credential = ProviderCredential.objects.create(provider="productai", label="Main")
    credential.pause("The key was refused.", stops_reads=True, awaits_key=True)
    page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
    seen = read(client.get(page)).values["seen"]
    client.post(page, {"label": "Main", "is_active": "on", "key": "another", "seen": seen})
    sentences = {"The account has a new key and is used again.", "Changed API key."}
    assert {sentence for _user, sentence in _history(client, credential)} == sentences


def test_keys_made_and_revoked_are_told_once_and_without_the_key(person: Person) -> None:
    client = person("*")
    owner = client.session["_auth_user_id"]
    data = {"name": "PIM", "owner": owner, "scopes": ["read"], "requests_per_minute": "60", "budget_day": ""}
    client.post(reverse("admin:product_imagery_apikey_add"), data)
    _act(client, ApiKey, "revoke")
    _act(client, ApiKey, "revoke")
    assert _history(client, ApiKey.objects.get()) == [("staff0", "Made and shown once."), ("staff0", "Revoked.")]


def test_secrets_of_endpoints_made_and_replaced_are_told(person: Person, side: OtherSide) -> None:
    client = person("*")
    data = {"url": side.address, "description": "PIM", "events": ["image.published"]}
    client.post(reverse("admin:product_imagery_webhookendpoint_add"), data)
    _act(client, WebhookEndpoint, "rotate")
    sentences = ["Made; its secret was shown once.", "A new secret was made and shown once."]
    assert _history(client, WebhookEndpoint.objects.get()) == [("staff0", sentence) for sentence in sentences]


def test_the_progress_page_leads_to_its_history(make_product: Make, person: Person, enlarge: Make) -> None:
    enhancement = enlarge(make_product())
    page = person("*").get(_page(enhancement)).content.decode()
    assert f'href="{_page(enhancement, "history")}"' in page
