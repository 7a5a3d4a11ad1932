"""Money and bodies need permissions of their own, and a permission that is missing is named."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from product_imagery.models import Enhancement, EventDelivery, ProviderJob, WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.django_db

_STEPS = ("review_resultimage", "publish_resultimage", "restore_imageversion", "cancel_enhancement")
_STEPS += ("start_enhancement", "decide_providerjob")
_PRODUCTS = ("view_product", "change_product")


def _change(client: Any, row: Any) -> str:
    address = reverse(f"admin:product_imagery_{row._meta.model_name}_change", args=[row.pk])
    shown = client.get(address)
    assert shown.status_code == 200
    return str(shown.content.decode())


@pytest.fixture
def enhancement(make_product: Any, enlarge: Any, work: Any) -> Enhancement:
    """An ended one, with a budget and a job that cost something."""
    made: Enhancement = enlarge(make_product())
    work()
    Enhancement.objects.update(budget=4321, actor=None)
    ProviderJob.objects.update(cost="77.25")
    return made


@pytest.fixture
def deliveries(enhancement: Enhancement, django_user_model: Any) -> list[Any]:
    """A call of a provider, and one of ours to another program."""
    call = WebhookDelivery.objects.create(credential=enhancement.credential, body=b'{"for": "eyes"}')
    endpoint = WebhookEndpoint.objects.create(url="https://pim.example/", owner=django_user_model.objects.create())
    return [call, EventDelivery.objects.create(endpoint=endpoint, kind="image.published", body='{"for": "eyes"}')]


def test_the_body_of_a_delivery_needs_a_permission_of_its_own(deliveries: list[Any], person: Any) -> None:
    for delivery, label in zip(
        deliveries, ("Can view the bodies of calls of providers", "Can view the bodies of events"), strict=True
    ):
        name = delivery._meta.model_name
        hidden = _change(person(f"view_{name}", *_STEPS), delivery)
        assert "eyes" not in hidden
        assert "The body is hidden." in hidden
        assert label in hidden
        shown = _change(person(f"view_{name}", f"view_body_{name}"), delivery)
        assert "eyes" in shown
        assert "hidden." not in shown


def test_costs_and_budgets_are_for_those_who_may_see_the_ledger(enhancement: Enhancement, person: Any) -> None:
    job = ProviderJob.objects.get()
    jobs = reverse("admin:product_imagery_providerjob_changelist")
    for more, seen in (((), False), (("view_creditentry",), True)):
        client = person(*_STEPS, *_PRODUCTS, *more)
        assert ("77.25" in _change(client, job)) == seen
        assert ("77.25" in client.get(jobs).content.decode()) == seen
        page = _change(client, enhancement)
        assert ("4321" in page or "4,321" in page) == seen
