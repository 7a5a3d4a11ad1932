"""A sandbox key tries things out: nothing of it is paid, and none of its pictures ever stands on a product."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.exceptions import StateError
from product_imagery.flows.enhancements import retry
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import quote
from product_imagery.flows.results import review
from product_imagery.models import CreditEntry, Enhancement, EnhancementItem, Preset, ProviderCredential, ResultImage
from product_imagery.products import description_of
from product_imagery.states import ItemStatus, Publication
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, SANDBOX_KEY, Fakes

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(account: Account) -> ProviderCredential:
    """An account with a sandbox key, and a budget that would not last for anything."""
    found: ProviderCredential = account("aigenstudio", label="trial", key=SANDBOX_KEY, budget_day=Decimal(1))
    return found


def test_its_picture_is_made_and_not_published(sandbox: ProviderCredential, order: Order, fakes: Fakes) -> None:
    enhancement = order(sandbox, auto_approve=True)
    hurry()
    result = ResultImage.objects.get()
    assert result.publication == Publication.NONE
    assert not Product.objects.get().enhanced_photo
    assert (enhancement.is_sandbox, fakes.created[0].cost) == (True, 0)
    assert CreditEntry.objects.count() == 0
    with pytest.raises(StateError, match="sandbox"):
        review.publish(result, actor=None)


def test_it_costs_nothing_and_leaves_the_real_work_to_be_done(
    sandbox: ProviderCredential, account: Account, order: Order
) -> None:
    order(sandbox)
    hurry()
    chosen = {description_of(Product): [Product.objects.get().pk]}
    live = quote(chosen, spec_of_operation("white_background", {}, account("aigenstudio")))
    trial = quote(chosen, spec_of_operation("white_background", {}, sandbox))
    assert (live.to_do, live.cost) == (1, Decimal(5))
    assert (trial.done_before, trial.cost) == (1, Decimal(0))


def test_a_failed_trial_is_tried_again_for_nothing(sandbox: ProviderCredential, order: Order, fakes: Fakes) -> None:
    enhancement = order(sandbox)
    fakes.bad_items[EnhancementItem.objects.get().uuid.hex] = "too_dark"
    hurry()
    fakes.bad_items.clear()
    retry.retry(enhancement)
    hurry()
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
    assert CreditEntry.objects.count() == 0


def test_the_merchant_sees_that_it_is_one(
    sandbox: ProviderCredential, account: Account, person: Any, make_product: Any
) -> None:
    product, client = make_product(), person("*")
    chosen = {"action": "enhance_images", "_selected_action": [str(product.pk)]}
    address = client.post(reverse("admin:shop_product_changelist"), chosen, follow=True).redirect_chain[-1][0]
    preset = Preset.objects.filter(provider="aigenstudio").first()
    assert preset is not None
    page = client.get(address, {"preset": preset.name}).content.decode()
    assert "nothing is put on the products" in page
    Preset.objects.filter(pk=preset.pk).update(credential=account("aigenstudio"))
    assert "nothing is put on the products" not in client.get(address, {"preset": preset.name}).content.decode()


@pytest.mark.parametrize(("first", "then"), [(SANDBOX_KEY, KEYS["aigenstudio"]), (KEYS["aigenstudio"], SANDBOX_KEY)])
def test_what_was_started_in_one_environment_is_not_sent_to_the_other(
    first: str, then: str, account: Account, order: Order, fakes: Fakes
) -> None:
    """The price that was shown was for a trial: nobody has agreed to pay for it, and the other way round."""
    credential = account("aigenstudio", key=first)
    order(credential)
    credential.set_secret(then)
    credential.save()
    hurry()
    item = EnhancementItem.objects.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "environment_changed")
    assert fakes.created == []
    assert sum(entry.amount for entry in CreditEntry.objects.all()) == 0


def test_programs_see_that_it_is_one(
    sandbox: ProviderCredential, order: Order, client: Client, admin_user: object
) -> None:
    order(sandbox, actor=admin_user)
    hurry()
    client.force_login(admin_user)  # type: ignore[arg-type]
    found = client.get(f"/imagery/api/v1/enhancements/{Enhancement.objects.get().uuid}").json()
    assert found["enhancement"]["sandbox"] is True
    listed = client.get("/imagery/api/v1/generations").json()["generations"]
    assert [one["sandbox"] for one in listed] == [True]
