"""Money and bodies need permissions of their own, and a permission that is missing is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from product_imagery.models import (
    Enhancement,
    EventDelivery,
    ProviderJob,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

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


_LABELS = {
    "cancel_enhancement": "Can cancel and retry enhancements",
    "start_enhancement": "Can start enhancements (may spend money)",
    "review_resultimage": "Can approve and reject results",
    "publish_resultimage": "Can put approved results on products",
    "restore_imageversion": "Can put the earlier picture back",
    "decide_providerjob": "Can decide what became of a lost request",
}
_PLACES = {
    "enhancement_review": ("review_resultimage", "publish_resultimage", "start_enhancement"),
    "enhancement_changelist": ("cancel_enhancement", "start_enhancement"),
    "imageversion_changelist": ("restore_imageversion",),
    "providerjob_changelist": ("decide_providerjob",),
}


@pytest.mark.parametrize("place", _PLACES)
def test_a_page_names_the_permissions_of_what_it_does_not_offer(
    place: str, enhancement: Enhancement, person: Any
) -> None:
    address = reverse(f"admin:product_imagery_{place}", args=[enhancement.pk] if "review" in place else [])
    for name in _PLACES[place]:
        page = person(*_PRODUCTS, *(one for one in _STEPS if one != name)).get(address).content.decode()
        assert f"You lack the permission “{_LABELS[name]}" in page
        assert "Ask whoever manages the users" in page
    assert "You lack" not in person(*_PRODUCTS, *_STEPS).get(address).content.decode()


def test_who_may_not_review_gets_no_boxes_to_tick(enhancement: Enhancement, person: Any) -> None:
    address = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    box = 'type="checkbox" name="ticked"'
    assert box in person(*_PRODUCTS, "review_resultimage").get(address).content.decode()
    assert box not in person(*_PRODUCTS, "publish_resultimage").get(address).content.decode()


def test_the_enhancement_and_a_lost_request_name_it_too(enhancement: Enhancement, person: Any) -> None:
    Enhancement.objects.update(status="processing", finished_at=None)
    ProviderJob.objects.update(state="stalled", finished_at=None)
    looker = person(*_PRODUCTS, "review_resultimage")
    assert _LABELS["cancel_enhancement"] in _change(looker, enhancement)
    assert _LABELS["decide_providerjob"] in _change(looker, ProviderJob.objects.get())


def test_the_start_page_says_why_nothing_can_be_published_at_once(make_product: Any, person: Any) -> None:
    client = person(*_PRODUCTS, "start_enhancement", "review_resultimage")
    data = {"action": "enhance_images", "_selected_action": [make_product().pk]}
    page = client.post(reverse("admin:shop_product_changelist"), data, follow=True).content.decode()
    assert f"You lack the permission “{_LABELS['publish_resultimage']}”" in page
    assert _LABELS["review_resultimage"] not in page


def test_what_is_denied_is_explained(enhancement: Enhancement, person: Any) -> None:
    own = reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])
    review = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    job = reverse("admin:product_imagery_providerjob_decide", args=[ProviderJob.objects.get().pk])
    start = reverse("admin:shop_product_enhance_images", args=["5e0b3b2c-4d0b-4bd6-9d36-7c3d9f3b6a0f"])
    looker = person(*_PRODUCTS, "restore_imageversion")
    denied = [
        (looker.post(own, {"cancel": "1"}), "cancel_enhancement"),
        (looker.post(review, {"approve": "1"}), "review_resultimage"),
        (looker.post(review, {"publish": "1"}), "publish_resultimage"),
        (looker.post(job, {"choice": "give_up"}), "decide_providerjob"),
        (looker.get(start), "start_enhancement"),
    ]
    for response, name in denied:
        assert response.status_code == 403
        assert _LABELS[name] in response.content.decode()
        assert "nothing was spent" in response.content.decode()


@pytest.mark.parametrize("model", ["enhancement", "creditentry", "upload", "webhookdelivery", "imageversion"])
def test_a_list_that_is_denied_names_its_permission(model: str, person: Any) -> None:
    response = person().get(reverse(f"admin:product_imagery_{model}_changelist"))
    assert response.status_code == 403
    assert "You lack the permission “Can view " in response.content.decode()


Person = Callable[..., Client]


def test_trying_again_needs_the_permission_to_spend(
    account: Account, order: Order, fakes: Fakes, person: Person
) -> None:
    enhancement = order(account("productai"))
    hurry(1)
    fakes.statuses[fakes.created[0].id] = "ERROR"
    hurry()
    page = reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])
    thrifty = person("view_product", "view_enhancement", "cancel_enhancement")
    assert 'name="retry"' not in thrifty.get(page).content.decode()
    assert thrifty.post(page, {"retry": "1"}).status_code == 403
    spender = person("view_product", "cancel_enhancement", "start_enhancement")
    assert 'name="retry"' in spender.get(page).content.decode()
    spender.post(page, {"retry": "1"})
    assert ProviderJob.objects.count() == 2
