"""What vendors leave open, and what they change: an account says how it is there."""

from __future__ import annotations

import base64
import hashlib
import hmac
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.flows.enhancements import retry
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import quote
from product_imagery.models import CreditEntry, EnhancementItem, ProviderCredential
from product_imagery.products import description_of
from product_imagery.public_urls import read_signature
from product_imagery.states import ItemStatus
from tests.fakes.hosted import WHSEC, Account, Order, hurry
from tests.fakes.server import Fakes
from tests.fakes.webhooks import deliver, url_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("reading", "hex_", "base64_"), [(None, 200, 401), ("base64", 401, 200)])
def test_signatures_are_taken_as_they_are_said_to_be_written(
    reading: str | None, hex_: int, base64_: int, paqshot: ProviderCredential, client: Client
) -> None:
    """Never both at once."""
    ProviderCredential.objects.update(readings={"signature": reading} if reading else {})
    body = b'{"id": "gen_1"}'
    digest = hmac.digest(WHSEC.encode(), body, hashlib.sha256)
    assert deliver(client, url_of(paqshot), body, {"HTTP_X_PAQSHOT_SIGNATURE": f"sha256={digest.hex()}"}) == hex_
    signature = base64.b64encode(digest).decode()
    assert deliver(client, url_of(paqshot), body, {"HTTP_X_PAQSHOT_SIGNATURE": signature}) == base64_


def test_pictures_go_as_data_uris_where_that_is_said(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("paqshot", readings={"image_as": "data_uri"}))
    hurry()
    kind, _, content = fakes.created[0].body["product_image"].partition(";base64,")
    assert kind == "data:image/jpeg"
    assert base64.b64decode(content, validate=True).startswith(b"\xff\xd8")


def test_pictures_go_as_addresses_where_that_is_said(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("paqshot", readings={"image_as": "url"}))
    hurry()
    address = fakes.created[0].body["product_image"]
    assert address.startswith(fakes.base)
    assert read_signature(address.rstrip("/").rpartition("/")[2]) == (str(EnhancementItem.objects.get().uuid), "")
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED


def test_readings_are_chosen_in_the_admin(paqshot: ProviderCredential, person: Any) -> None:
    page = reverse("admin:product_imagery_providercredential_change", args=[paqshot.pk])
    client = person("*")
    assert "Signatures of webhooks" in client.get(page).content.decode()
    sent = {"label": "paqshot", "base_url": paqshot.base_url, "is_active": "on"}
    client.post(page, sent | {"paqshot-signature": "base64"})
    paqshot.refresh_from_db()
    assert paqshot.settings() == {"signature": "base64", "image_as": "bare", "list": "compared"}


def test_readings_are_chosen_in_the_shell(paqshot: ProviderCredential, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_IT", "pk_live_of_it")
    add = ("imagery_credential", "add", "paqshot", "paqshot", "--key-env", "KEY_OF_IT")
    call_command(*add, "--reading", "image_as=data_uri", stdout=StringIO())
    paqshot.refresh_from_db()
    assert paqshot.settings() == {"signature": "hex", "image_as": "data_uri", "list": "compared"}
    with pytest.raises(CommandError, match="leaves open: signature=hex|base64"):
        call_command(*add, "--reading", "signature=rot13", stdout=StringIO())


class TestPrices:
    """A vendor raises its prices: what is quoted, budgeted and booked follows at once."""

    def test_by_model_and_by_operation(self, account: Account, order: Order, fakes: Fakes) -> None:
        credential = account("productai", own_prices={"nanobanana": 4, "upscale": "25.5"})
        enhancement = order(credential)
        chosen = {description_of(Product): [Product.objects.get().pk]}
        for operation, options, cost in (
            ("scene", {"model": "nanobanana", "prompt": "on slate"}, 4),
            ("scene", {"model": "gpt-high", "prompt": "on slate"}, 8),
            ("upscale", {}, Decimal("25.5")),
        ):
            assert quote(chosen, spec_of_operation(operation, options, credential)).cost == cost
        fakes.fail("productai.create", "status", status=400)
        hurry()
        retry.retry(enhancement)
        hurry()
        assert sum(entry.amount for entry in CreditEntry.objects.all()) == 4
