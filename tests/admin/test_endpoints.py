"""The admin of webhook endpoints, their events, uploads and collections."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from product_imagery.models import Event, EventDelivery, WebhookEndpoint
from tests.fakes.shop_side import OtherSide

pytestmark = pytest.mark.django_db

Person = Callable[..., Client]
Work = Callable[[], Any]
_LIST = "admin:product_imagery_webhookendpoint_changelist"


def _add(client: Client, url: str) -> Any:
    data = {"url": url, "description": "PIM", "events": [Event.IMAGE_PUBLISHED]}
    return client.post(reverse("admin:product_imagery_webhookendpoint_add"), data, follow=True)


def _act(client: Client, action: str, model: str = "webhookendpoint") -> Any:
    rows = {"webhookendpoint": WebhookEndpoint, "eventdelivery": EventDelivery}[model].objects
    data = {"action": action, "_selected_action": list(rows.values_list("pk", flat=True))}
    return client.post(reverse(f"admin:product_imagery_{model}_changelist"), data, follow=True)


def _state(page: Any) -> str:
    """Return the state in the first row of the list; the filter beside it names every state."""
    found = re.search(r'<td class="field-coloured_state">(.*?)</td>', page.content.decode())
    assert found
    return re.sub(r"<[^>]+>", "", found[1])


def test_a_new_endpoint_shows_its_secret_once_and_has_to_answer(person: Person, side: OtherSide, work: Work) -> None:
    client = person("*")
    page = _add(client, side.address + "/hook").content.decode()
    assert page.count("whsec_") == 1
    secret = page.partition("whsec_")[2].partition("<")[0]
    assert _state(client.get(reverse(_LIST))).startswith("waiting for its answer")
    work()
    (asked,) = side.received
    Webhook(secret).verify(asked.body, asked.headers)
    page = client.get(reverse(_LIST))
    assert _state(page) == "active"
    assert "whsec_" not in page.content.decode()
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.events == ["image.published"]
    shown = client.get(reverse("admin:product_imagery_webhookendpoint_change", args=[endpoint.pk])).content.decode()
    assert "whsec_" not in shown


def test_a_wrong_address_is_explained(person: Person) -> None:
    page = _add(person("*"), "https://10.0.0.1/hook").content.decode()
    assert "not a public address" in page
    assert WebhookEndpoint.objects.count() == 0


def test_test_events_new_secrets_and_sending_again(person: Person, side: OtherSide, work: Work) -> None:
    client = person("*")
    _add(client, side.address)
    assert "not active" in _act(client, "send_test").content.decode()
    work()
    assert "is on its way" in _act(client, "send_test").content.decode()
    work()
    assert "whsec_" in _act(client, "rotate").content.decode()
    page = _act(client, "redeliver", "eventdelivery").content.decode()
    assert "A challenge is good once" in page
    work()
    kinds = [received.event["type"] for received in side.received]
    assert kinds == ["endpoint.verification", "endpoint.test", "endpoint.test"]
    WebhookEndpoint.objects.update(state="disabled")
    _act(client, "verify")
    work()
    assert WebhookEndpoint.objects.get().state == "active"


def test_an_endpoint_is_deleted_with_its_deliveries(person: Person, side: OtherSide, work: Work) -> None:
    client = person("*")
    _add(client, side.address)
    work()
    endpoint = WebhookEndpoint.objects.get()
    client.post(reverse("admin:product_imagery_webhookendpoint_delete", args=[endpoint.pk]), {"post": "yes"})
    assert WebhookEndpoint.objects.count() == EventDelivery.objects.count() == 0


def test_saving_the_form_does_not_undo_what_a_worker_wrote(person: Person, side: OtherSide, work: Work) -> None:
    client = person("*")
    _add(client, side.address)
    stale = WebhookEndpoint.objects.get()
    work()
    admin.site._registry[WebhookEndpoint].save_model(None, stale, None, True)  # type: ignore[arg-type]
    assert WebhookEndpoint.objects.get().state == "active"


def test_the_doctor_sees_events_that_nobody_sends(person: Person, side: OtherSide, work: Work) -> None:
    _add(person("*"), side.address)
    EventDelivery.objects.update(due_at=timezone.now() - timedelta(hours=2))
    said = StringIO()
    with pytest.raises((SystemExit, CommandError)):
        call_command("imagery_doctor", stdout=said)
    assert "1 events have waited" in said.getvalue()


@pytest.mark.parametrize("model", ["webhookendpoint", "eventdelivery", "upload", "collection"])
def test_nobody_without_permission(model: str, person: Person) -> None:
    address = reverse(f"admin:product_imagery_{model}_changelist")
    assert person().get(address).status_code == 403
    assert person(f"view_{model}").get(address).status_code == 200
